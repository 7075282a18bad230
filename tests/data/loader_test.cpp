#include "cnnrnn/data/loader.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <thread>
#include <type_traits>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// Images of 4x4 pixels and 3 channels; image i has the label i and bytes that begin with i.
data::ImageDataset numbered(Index count) {
  data::ImageDataset dataset{.images = Tensor<std::uint8_t>(Shape{count, 4, 4, 3}),
                             .labels = Tensor<Index>(Shape{count}),
                             .class_names = {},
                             .name = "numbered"};
  for (Index i = 0; i < count; ++i) {
    dataset.labels.mutable_data()[i] = i;
    dataset.class_names.push_back(std::to_string(i));
    for (Index byte = 0; byte < 48; ++byte) {
      dataset.images.mutable_data()[i * 48 + byte] = static_cast<std::uint8_t>(i + 5 * byte);
    }
  }
  return dataset;
}

/// Everything that a pass yields.
struct Pass {
  std::vector<Index> labels;
  std::vector<float> values;
  std::vector<Index> sizes;
  bool operator==(const Pass&) const = default;
};

Pass run(const data::Loader<float>& loader) {
  Pass pass;
  for (auto [images, labels] : loader) {
    REQUIRE(images.shape() == Shape{labels.size(), 4, 4, 3});
    pass.sizes.push_back(labels.size());
    pass.labels.insert(pass.labels.end(), labels.span().begin(), labels.span().end());
    pass.values.insert(pass.values.end(), images.span().begin(), images.span().end());
  }
  return pass;
}

const data::LoaderOptions augmented{
    .batch = 4,
    .shuffle = true,
    .seed = 7,
    .transforms = {data::random_crop(2), data::random_flip()},
    .normalization = {.mean = {0.1, 0.2, 0.3}, .standard_deviation = {0.4, 0.5, 0.6}}};

}  // namespace

TEST_CASE("a loader without options keeps the order and scales to 0 ... 1") {
  const auto dataset = numbered(10);
  const data::Loader<float> loader(dataset, {.batch = 4});
  CHECK(loader.batches() == 3);
  CHECK(loader.images() == 10);
  const Pass pass = run(loader);
  CHECK(pass.sizes == std::vector<Index>{4, 4, 2});
  CHECK(pass.labels.front() == 0);
  CHECK(pass.labels.back() == 9);
  for (Index i = 0; i < dataset.images.size(); ++i) {
    CHECK(pass.values[static_cast<std::size_t>(i)] ==
          static_cast<float>(dataset.images.data()[i]) / 255);
  }
}

TEST_CASE("drop_last leaves out the last batch when it is not full") {
  const data::Loader<float> loader(numbered(10), {.batch = 4, .drop_last = true});
  CHECK(loader.batches() == 2);
  CHECK(loader.images() == 8);
  CHECK(run(loader).sizes == std::vector<Index>{4, 4});
  CHECK(data::Loader<float>(numbered(8), {.batch = 4, .drop_last = true}).batches() == 2);
  CHECK(data::Loader<float>(numbered(3), {.batch = 4}).batches() == 1);
}

TEST_CASE("shuffling yields every image once, by seed and epoch alone") {
  data::Loader<float> loader(numbered(50), {.batch = 8, .shuffle = true, .seed = 3});
  const Pass first = run(loader);
  CHECK(std::set<Index>(first.labels.begin(), first.labels.end()).size() == 50);
  CHECK(run(loader) == first);
  loader.set_epoch(1);
  CHECK(loader.epoch() == 1);
  const Pass second = run(loader);
  CHECK(second.labels != first.labels);
  CHECK(std::set<Index>(second.labels.begin(), second.labels.end()).size() == 50);
  loader.set_epoch(0);
  CHECK(run(loader) == first);
  CHECK(run(data::Loader<float>(numbered(50), {.batch = 8, .shuffle = true, .seed = 4})) != first);
  // Another batch size cuts the same order.
  CHECK(run(data::Loader<float>(numbered(50), {.batch = 5, .shuffle = true, .seed = 3})).labels ==
        first.labels);
}

TEST_CASE("a pass is bitwise the same with and without prefetching") {
  for (const Index epoch : {0, 1, 5}) {
    std::vector<Pass> passes;
    for (const Index prefetch : {0, 1, 2, 100}) {
      auto options = augmented;
      options.prefetch = prefetch;
      data::Loader<float> loader(numbered(30), options);
      loader.set_epoch(epoch);
      passes.push_back(run(loader));
    }
    CHECK(passes[1] == passes[0]);
    CHECK(passes[2] == passes[0]);
    CHECK(passes[3] == passes[0]);
  }
}

TEST_CASE("transforms depend on neither batch size nor shuffling, but on the epoch") {
  auto options = augmented;
  options.shuffle = false;
  const Pass reference = run(data::Loader<float>(numbered(30), options));
  options.batch = 7;
  CHECK(run(data::Loader<float>(numbered(30), options)).values == reference.values);
  data::Loader<float> later(numbered(30), options);
  later.set_epoch(1);
  CHECK(run(later).values != reference.values);

  const Pass shuffled = run(data::Loader<float>(numbered(30), augmented));
  for (std::size_t i = 0; i < shuffled.labels.size(); ++i) {
    const auto image = static_cast<std::size_t>(shuffled.labels[i]) * 48;
    CHECK(std::equal(shuffled.values.begin() + static_cast<std::ptrdiff_t>(i * 48),
                     shuffled.values.begin() + static_cast<std::ptrdiff_t>(i * 48 + 48),
                     reference.values.begin() + static_cast<std::ptrdiff_t>(image)));
  }
}

TEST_CASE("a pass may begin in the middle, as after a resume") {
  data::Loader<float> loader(numbered(30), augmented);
  loader.set_epoch(2);
  const Pass whole = run(loader);
  loader.set_epoch(2, 3);
  const Pass rest = run(loader);
  CHECK(rest.sizes == std::vector<Index>{4, 4, 4, 4, 2});
  CHECK(std::equal(rest.values.begin(), rest.values.end(),
                   whole.values.begin() + std::ptrdiff_t{3} * 4 * 48, whole.values.end()));
  loader.set_epoch(2, loader.batches());
  CHECK(run(loader).labels.empty());
  loader.set_epoch(3);
  CHECK(run(loader).labels.size() == 30);
  CHECK_THROWS_WITH(loader.set_epoch(0, 9), "loader: expected a first batch of 0 to 8, got 9");
  CHECK_THROWS_WITH(loader.set_epoch(-1), "loader: expected an epoch of 0 or more, got -1");
}

TEST_CASE("leaving a pass early stops the thread") {
  const data::Loader<float> loader(numbered(30), augmented);
  for (int round = 0; round < 200; ++round) {
    Index seen = 0;
    for (auto [images, labels] : loader) {
      if (seen++ == round % 5) {
        break;
      }
    }
  }
  for (int round = 0; round < 200; ++round) {
    const auto unused = loader.begin();
  }
  CHECK_THROWS_AS(
      [&] {
        for (auto [images, labels] : loader) {
          throw ValueError("in the loop");
        }
      }(),
      ValueError);
}

TEST_CASE("no more batches are made than are asked for, and prefetch ahead") {
  auto options = augmented;
  std::atomic<int> made{0};
  options.batch = 1;
  options.transforms = {[&](data::ImageBuffer&, Random&) { ++made; }};
  options.prefetch = 3;
  {
    const data::Loader<float> loader(numbered(30), options);
    const auto pass = loader.begin();
    while (made < 4) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(made == 4);
}

TEST_CASE("an exception of a transform arrives after the batches before it") {
  for (const Index prefetch : {0, 1, 4}) {
    CAPTURE(prefetch);
    int calls = 0;
    data::LoaderOptions options{.batch = 2, .prefetch = prefetch};
    options.transforms = {
        [&](data::ImageBuffer&, Random&) { require<ValueError>(++calls != 7, "the seventh"); }};
    const data::Loader<float> loader(numbered(30), options);
    Index seen = 0;
    CHECK_THROWS_WITH(
        [&] {
          for (auto [images, labels] : loader) {
            ++seen;
          }
        }(),
        "the seventh");
    CHECK(seen == 3);
  }
}

TEST_CASE("a transform may not change an image's size") {
  data::LoaderOptions options{.batch = 2};
  options.transforms = {[](data::ImageBuffer& image, Random&) { image.values.pop_back(); }};
  CHECK_THROWS_WITH(data::Loader<float>(numbered(3), options).begin(),
                    "loader: expected transforms to keep 48 values in an image, got 47");
}

TEST_CASE("a pass outlives its loader, and passes go side by side") {
  auto loader = std::make_unique<data::Loader<float>>(numbered(10), augmented);
  auto one = loader->begin();
  auto other = loader->begin();
  loader.reset();
  Index batches = 0;
  for (; one != std::default_sentinel; ++one, ++other, ++batches) {
    CHECK(std::ranges::equal((*one).images.span(), (*other).images.span()));
  }
  CHECK(batches == 3);
  CHECK(other == std::default_sentinel);
}

TEST_CASE("a loader refuses options and data sets that cannot be") {
  using Loader = data::Loader<float>;
  CHECK_THROWS_WITH(Loader(numbered(3), {.batch = 0}),
                    "loader: expected a positive batch size, got 0");
  CHECK_THROWS_WITH(Loader(numbered(3), {.prefetch = -1}),
                    "loader: expected 0 or more batches ahead, got -1");
  CHECK_THROWS_WITH(Loader(numbered(3), {.batch = 4, .drop_last = true}),
                    "loader: expected numbered to fill a batch of 4, got 3 images");
  CHECK_THROWS_AS(Loader(data::ImageDataset{}), ShapeError);
  auto broken = numbered(3);
  broken.class_names.pop_back();
  CHECK_THROWS_AS(Loader(broken), ValueError);
  CHECK_THROWS_AS(Loader(numbered(3), {.normalization = {{0.5}, {0.5}}}), ValueError);
}

TEST_CASE("a loader's passes are input ranges, in double as well") {
  static_assert(std::input_iterator<data::Loader<double>::Iterator>);
  for (auto [images, labels] : data::Loader<double>(numbered(2))) {
    static_assert(std::is_same_v<decltype(images), Tensor<double>>);
    CHECK(images(1, 0, 0, 0) == 1.0 / 255);
  }
}

namespace {

/// Five images of one class, four of another and one of a third; the fourth class has none.
data::ImageDataset unbalanced() {
  auto dataset = numbered(10);
  for (Index i = 0; i < 10; ++i) {
    dataset.labels.mutable_at(i) = i < 5 ? 0 : (i < 9 ? 1 : 3);
  }
  dataset.class_names = {"many", "some", "none", "one"};
  return dataset;
}

}  // namespace

TEST_CASE("weights of classes even out their numbers of images") {
  const auto weights = data::class_weights(unbalanced());
  REQUIRE(weights.size() == 4);
  CHECK(weights[0] == Approx(10.0 / (3 * 5)));
  CHECK(weights[1] == Approx(10.0 / (3 * 4)));
  CHECK(weights[2] == 0);
  CHECK(weights[3] == Approx(10.0 / 3));
  CHECK(data::sample_weights(unbalanced(), {1, 2, 3, 4}) ==
        std::vector<double>{1, 1, 1, 1, 1, 2, 2, 2, 2, 4});
  CHECK(data::sample_weights(unbalanced()) == data::sample_weights(unbalanced(), weights));
  CHECK_THROWS_WITH(data::sample_weights(unbalanced(), {1, 2}),
                    "sample_weights: expected a weight for each of 4 classes, got 2");
}

TEST_CASE("unlabelled images are loaded, and have no part in weights") {
  auto dataset = unbalanced();
  const auto weights = data::class_weights(dataset);
  dataset.labels.mutable_at(0) = data::unlabelled;
  const Pass pass = run(data::Loader<float>(dataset, {.batch = 4}));
  CHECK(pass.labels[0] == -100);
  CHECK(pass.labels.size() == 10);
  CHECK(data::class_weights(dataset)[0] == Approx(9.0 / (3 * 4)));
  CHECK(data::sample_weights(dataset, weights)[0] == 0);
  CHECK(data::sample_weights(dataset, weights)[1] == weights[0]);
  dataset.labels = Tensor<Index>::full({10}, data::unlabelled);
  CHECK(data::class_weights(dataset) == std::vector<double>(4));
}

TEST_CASE("images are drawn in proportion to their weights") {
  const Pass descending = run(data::Loader<float>(
      numbered(4), {.batch = 256, .sample_weights = {4, 3, 2, 1}, .samples = 20000}));
  for (Index label = 0; label < 4; ++label) {
    const auto count = std::count(descending.labels.begin(), descending.labels.end(), label);
    const double share = static_cast<double>(4 - label) / 10;
    CHECK(std::abs(static_cast<double>(count) - 20000 * share) <
          5 * std::sqrt(20000 * share * (1 - share)));
  }
  data::Loader<float> loader(
      unbalanced(),
      {.batch = 256, .sample_weights = data::sample_weights(unbalanced()), .samples = 30000});
  CHECK(loader.images() == 30000);
  CHECK(loader.batches() == 118);
  const Pass pass = run(loader);
  CHECK(pass.sizes.back() == 30000 - 117 * 256);
  for (const Index label : {0, 1, 3}) {
    const auto count = std::count(pass.labels.begin(), pass.labels.end(), label);
    CHECK(std::abs(static_cast<double>(count) - 10000) < 5 * std::sqrt(30000 * 2.0 / 9));
  }
  loader.set_epoch(1);
  CHECK(run(loader).labels != pass.labels);
  loader.set_epoch(0);
  CHECK(run(loader) == pass);
}

TEST_CASE("an image of weight 0 is never drawn") {
  auto weights = std::vector<double>(10, 0.0);
  weights[1] = weights[8] = 1e-300;
  const Pass pass = run(data::Loader<float>(numbered(10), {.sample_weights = weights}));
  CHECK(pass.labels.size() == 10);
  CHECK(std::set<Index>(pass.labels.begin(), pass.labels.end()) == std::set<Index>{1, 8});
  const data::WeightedDraw draw(weights);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const Index drawn = draw(random);
    CHECK((drawn == 1 || drawn == 8));
  }
}

TEST_CASE("drawn images have transforms of their own, whatever the batches and the start") {
  auto options = augmented;
  options.sample_weights = std::vector<double>(30, 0.0);
  options.sample_weights[3] = 1;
  options.samples = 50;
  data::Loader<float> loader(numbered(30), options);
  const Pass whole = run(loader);
  std::set<std::vector<float>> images;
  for (auto image = whole.values.begin(); image != whole.values.end(); image += 48) {
    images.emplace(image, image + 48);
  }
  CHECK(images.size() > 10);
  loader.set_epoch(0, 4);
  const Pass rest = run(loader);
  CHECK(std::equal(rest.values.begin(), rest.values.end(),
                   whole.values.begin() + std::ptrdiff_t{4} * 4 * 48, whole.values.end()));
  options.batch = 7;
  options.prefetch = 0;
  CHECK(run(data::Loader<float>(numbered(30), options)).values == whole.values);
  options.drop_last = true;
  CHECK(data::Loader<float>(numbered(30), options).images() == 49);
}

TEST_CASE("a loader refuses weights that cannot be") {
  const auto with = [](const std::vector<double>& weights, Index samples = 0) {
    return data::Loader<float>(numbered(3), {.sample_weights = weights, .samples = samples});
  };
  CHECK_THROWS_WITH(with({1, 2}), "loader: expected a weight for each of 3 images, got 2");
  CHECK_THROWS_WITH(with({1, -1, 2}), "sample_weights: expected weights of 0 or more, got -1");
  CHECK_THROWS_WITH(with({0, 0, 0}),
                    "sample_weights: expected weights of a positive, finite sum, got 0");
  CHECK_THROWS_WITH(with({1e308, 1e308, 0}),
                    "sample_weights: expected weights of a positive, finite sum, got inf");
  CHECK_THROWS_WITH(with({}, 5),
                    "loader: expected a positive number of samples with sample_weights, got 5");
  CHECK_THROWS_WITH(with({1, 1, 1}, -5),
                    "loader: expected a positive number of samples with sample_weights, got -5");
}
