#include "cnnrnn/data/dataset.hpp"

#include <array>

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

TEST_CASE("limit keeps the first images") {
  CHECK(data::limit(three(), 2).size() == 2);
  CHECK(data::limit(three(), 2).images(1, 0, 1, 0) == 3);
  CHECK(data::limit(three(), 1).labels(0) == three().labels(0));
  CHECK(data::limit(three(), 7).size() == 3);
  CHECK_THROWS_WITH(data::limit(three(), 0), "limit: expected a positive number of images, got 0");
}

TEST_CASE("hold_out makes the last images the test part") {
  const auto split = data::hold_out(three(), 1);
  REQUIRE(split.train.size() == 2);
  REQUIRE(split.test.size() == 1);
  CHECK(split.train.images(1, 0, 1, 0) == three().images(1, 0, 1, 0));
  CHECK(split.test.images(0, 0, 0, 0) == three().images(2, 0, 0, 0));
  CHECK(split.test.labels(0) == three().labels(2));
  CHECK(split.test.class_names == three().class_names);
  CHECK_THROWS_WITH(data::hold_out(three(), 3), "hold_out: expected 1 to 2 images of three, got 3");
  CHECK_THROWS_AS(data::hold_out(three(), 0), ValueError);
}

TEST_CASE("check_dataset names what does not fit") {
  CHECK_NOTHROW(data::check_dataset(three()));
  auto broken = three();
  broken.class_names = {"a"};
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected labels below 1, got 1");
  broken = three();
  broken.labels = Tensor<Index>(Shape{2}, {0, 0});
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected labels (3,), got (2,)");
  broken.images = Tensor<std::uint8_t>(Shape{2, 2}, {0, 0, 0, 0});
  CHECK_THROWS_WITH(data::check_dataset(broken), "three: expected images (N, H, W, C), got (2, 2)");
  CHECK_THROWS_AS(data::check_dataset(data::ImageDataset{}), ShapeError);
}
