#include "cnnrnn/data/dataset.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// Three images of 1x2 pixels and one channel, whose bytes count from 0.
data::ImageDataset three() {
  return {.images = Tensor<std::uint8_t>(Shape{3, 1, 2, 1}, {0, 1, 2, 3, 4, 5}),
          .labels = Tensor<Index>(Shape{3}, {0, 1, 1}),
          .class_names = {"a", "b"},
          .name = "three"};
}

using Counts = std::vector<Index>;

/// How many images each class has.
Counts class_counts(const data::ImageDataset& dataset) {
  Counts counts(dataset.class_names.size());
  for (const Index label : dataset.labels.span()) {
    ++counts.at(static_cast<std::size_t>(label));
  }
  return counts;
}

/// Images of one pixel, whose bytes count from 0, with the given labels.
data::ImageDataset labelled(const std::vector<Index>& labels, Index classes) {
  const Index count = std::ssize(labels);
  data::ImageDataset dataset{.images = Tensor<std::uint8_t>(Shape{count, 1, 1, 1}),
                             .labels = Tensor<Index>(Shape{count}, labels),
                             .class_names = {},
                             .name = "labelled"};
  std::iota(dataset.images.mutable_data(), dataset.images.mutable_data() + count, std::uint8_t{0});
  dataset.class_names.resize(static_cast<std::size_t>(classes));
  return dataset;
}

/// First all images of class 0, then all of class 1, and so on.
data::ImageDataset sorted(const Counts& counts) {
  std::vector<Index> labels;
  for (std::size_t label = 0; label < counts.size(); ++label) {
    labels.insert(labels.end(), static_cast<std::size_t>(counts[label]), static_cast<Index>(label));
  }
  return labelled(labels, std::ssize(counts));
}

/// The classes take turns.
data::ImageDataset in_turns(Index rounds, Index classes) {
  std::vector<Index> labels;
  for (Index i = 0; i < rounds * classes; ++i) {
    labels.push_back(i % classes);
  }
  return labelled(labels, classes);
}

}  // namespace

TEST_CASE("subset takes images and labels in the order asked for") {
  const std::array<Index, 3> positions{2, 0, 2};
  const auto picked = data::subset(three(), positions);
  REQUIRE(picked.images.shape() == Shape{3, 1, 2, 1});
  CHECK(picked.images(0, 0, 0, 0) == 4);
  CHECK(picked.images(1, 0, 1, 0) == 1);
  CHECK(picked.labels(0) == 1);
  CHECK(picked.labels(1) == 0);
  CHECK(picked.class_names == three().class_names);
  CHECK(picked.name == "three");
  const std::array<Index, 1> outside{3};
  CHECK_THROWS_WITH(data::subset(three(), outside),
                    "subset of three: expected positions below 3, got 3");
}

TEST_CASE("limit keeps some images of every class, spread over it") {
  CHECK(data::limit(three(), 2).size() == 2);
  CHECK(data::limit(three(), 2).images(1, 0, 1, 0) == 3);
  CHECK(data::limit(three(), 1).labels(0) == three().labels(0));
  CHECK(data::limit(three(), 7).size() == 3);
  CHECK_THROWS_WITH(data::limit(three(), 0), "limit: expected a positive number of images, got 0");
  for (const auto& set : {sorted({50, 50, 50, 50}), in_turns(50, 4)}) {
    CHECK(class_counts(data::limit(set, 20)) == Counts{5, 5, 5, 5});
    CHECK(class_counts(data::limit(set, 4)) == Counts{1, 1, 1, 1});
    CHECK(class_counts(data::limit(set, 3)) == Counts{1, 1, 1, 0});
  }
  // Of images 0 to 49, one in ten; then of 50 to 99.
  const auto limited = data::limit(sorted({50, 50}), 10);
  for (Index i = 0; i < 10; ++i) {
    CHECK(limited.images(i, 0, 0, 0) == 10 * i);
  }
  // In proportion, but for a class of which nothing would be left.
  CHECK(class_counts(data::limit(sorted({150, 50, 1}), 21)) == Counts{15, 5, 1});
  CHECK(class_counts(data::limit(sorted({2, 0, 1}), 2)) == Counts{1, 0, 1});
}

TEST_CASE("hold_out takes images of every class, chosen by the seed") {
  for (const auto& set : {sorted({60, 30, 10}), in_turns(30, 3)}) {
    const auto split = data::hold_out(set, 20, 7);
    const auto sizes = class_counts(set);
    CHECK(class_counts(split.test) == (sizes[0] == 60 ? Counts{12, 6, 2} : Counts{7, 7, 6}));
    CHECK(split.train.size() == set.size() - 20);
    CHECK(split.train.class_names == set.class_names);
    // Each image is in one part, both in the order of the set.
    std::multiset<Index> bytes;
    for (const auto& part : {split.train, split.test}) {
      const auto span = part.images.span();
      CHECK(std::ranges::is_sorted(span));
      bytes.insert(span.begin(), span.end());
    }
    CHECK(std::set<Index>(bytes.begin(), bytes.end()).size() == bytes.size());
    CHECK(std::ssize(bytes) == set.size());
    const auto same = data::hold_out(set, 20, 7);
    CHECK(std::ranges::equal(same.test.images.span(), split.test.images.span()));
    const auto other = data::hold_out(set, 20, 8);
    CHECK_FALSE(std::ranges::equal(other.test.images.span(), split.test.images.span()));
  }
}

TEST_CASE("hold_out leaves a class in the training part as long as it can") {
  const auto split = data::hold_out(three(), 1);
  REQUIRE(split.train.size() == 2);
  CHECK(split.train.labels(0) == 0);
  CHECK(split.test.labels(0) == 1);
  CHECK(class_counts(data::hold_out(sorted({4, 1, 2}), 4).train) == Counts{1, 1, 1});
  CHECK(class_counts(data::hold_out(sorted({4, 1, 2}), 6).train).at(0) == 1);
  CHECK_THROWS_WITH(data::hold_out(three(), 3), "hold_out: expected 1 to 2 images of three, got 3");
  CHECK_THROWS_AS(data::hold_out(three(), 0), ValueError);
}

TEST_CASE("limit and hold_out take unlabelled images as one class more") {
  const Index none = data::unlabelled;
  const auto dataset = labelled({0, none, 1, none, 0, none, 1, none}, 2);
  const auto unlabelled_in = [](const data::ImageDataset& part) {
    return std::ranges::count(part.labels.span(), data::unlabelled);
  };
  const auto limited = data::limit(dataset, 4);
  CHECK(limited.size() == 4);
  CHECK(unlabelled_in(limited) == 2);
  const auto split = data::hold_out(dataset, 4);
  CHECK(unlabelled_in(split.train) == 2);
  CHECK(unlabelled_in(split.test) == 2);
  CHECK(data::hold_out(dataset, 7).test.size() == 7);
}

TEST_CASE("check_dataset names what does not fit") {
  CHECK_NOTHROW(data::check_dataset(three()));
  auto broken = three();
  broken.class_names = {"a"};
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected labels below 1, got 1");
  broken.labels = Tensor<Index>(Shape{3}, {0, 0, -1});
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected labels below 1, got -1");
  broken = three();
  broken.labels = Tensor<Index>(Shape{2}, {0, 0});
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected labels (3,), got (2,)");
  broken.images = Tensor<std::uint8_t>(Shape{2, 2}, {0, 0, 0, 0});
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected images (N, H, W, C), got (2, 2)");
  CHECK_THROWS_AS(data::check_dataset(data::ImageDataset{}), ShapeError);
}

TEST_CASE("classes without images are named") {
  const data::ImageDataset images{.images = Tensor<std::uint8_t>::zeros(Shape{3, 1, 1, 1}),
                                  .labels = Tensor<Index>(Shape{3}, {1, data::unlabelled, 1}),
                                  .class_names = {"a", "b", "c"},
                                  .name = "three"};
  CHECK(data::classes_without_images(images) == std::vector<std::string>{"a", "c"});
  CHECK_THROWS_AS(data::classes_without_images(data::ImageDataset{}), ShapeError);
}
