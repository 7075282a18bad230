#include "cnnrnn/data/prepare.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

const data::Preparation small_grey{
    .height = 2, .width = 2, .padded_height = 4, .padded_width = 3, .grey = true};

/// Two images (2, 2, channels), whose bytes count from 1.
data::ImageDataset two(Index channels) {
  data::ImageDataset dataset{.images = Tensor<std::uint8_t>(Shape{2, 2, 2, channels}),
                             .labels = Tensor<Index>(Shape{2}, {0, 1}),
                             .class_names = {"a", "b"},
                             .name = "two"};
  std::uint8_t next = 0;
  for (std::uint8_t& value : dataset.images.mutable_span()) {
    value = ++next;
  }
  return dataset;
}

Tensor<std::uint8_t> image(const data::ImageDataset& dataset, Index n) {
  const Shape shape{dataset.height(), dataset.width(), dataset.channels()};
  const auto size = static_cast<std::size_t>(shape.size());
  return {shape, dataset.images.span().subspan(static_cast<std::size_t>(n) * size, size)};
}

}  // namespace

TEST_CASE("images of the size are padded and coloured, and nothing else") {
  const auto prepared = data::prepare(two(1), small_grey);
  REQUIRE(prepared.images.shape() == Shape{2, 4, 3, 3});
  CHECK(prepared.labels(1) == 1);
  for (Index n = 0; n < 2; ++n) {
    for (Index y = 0; y < 4; ++y) {
      for (Index x = 0; x < 3; ++x) {
        const bool inside = y >= 1 && y < 3 && x < 2;
        for (Index c = 0; c < 3; ++c) {
          CHECK(prepared.images(n, y, x, c) == (inside ? two(1).images(n, y - 1, x, 0) : 0));
        }
      }
    }
  }
  const data::Preparation same{.height = 2, .width = 2, .padded_height = 2, .padded_width = 2};
  CHECK(std::ranges::equal(data::prepare(two(3), same).images.span(), two(3).images.span()));
}

TEST_CASE("an image alone and in a data set are prepared alike, from any size") {
  const auto set = two(3);
  for (const Index side : {2, 1, 3}) {
    for (const bool grey : {false, true}) {
      const data::Preparation p{
          .height = side, .width = side, .padded_height = 5, .padded_width = 4, .grey = grey};
      const auto all = data::prepare(set, p);
      for (Index n = 0; n < 2; ++n) {
        const auto alone = data::prepare(image(set, n), p);
        REQUIRE(alone.shape() == Shape{5, 4, 3});
        CHECK(std::ranges::equal(alone.span(), image(all, n).span()));
        const auto inside = data::without_padding(alone, p);
        CHECK(inside.shape() == Shape{side, side, 3});
        CHECK(std::ranges::equal(data::prepare(inside, p).span(), alone.span()));
      }
    }
  }
}

TEST_CASE("grey is brightness, and grey images keep their values") {
  const Shape pixel{1, 1, 3};
  const data::Preparation p{
      .height = 1, .width = 1, .padded_height = 1, .padded_width = 1, .grey = true};
  const auto grey = [&](std::uint8_t r, std::uint8_t g, std::uint8_t b) {
    return int{data::prepare(Tensor<std::uint8_t>(pixel, {r, g, b}), p)(0, 0, 2)};
  };
  CHECK(grey(255, 0, 0) == 76);
  CHECK(grey(0, 255, 0) == 150);
  CHECK(grey(0, 0, 255) == 29);
  for (int value = 0; value < 256; ++value) {
    const auto v = static_cast<std::uint8_t>(value);
    CHECK(grey(v, v, v) == value);
  }
}

TEST_CASE("a preparation that cannot be is refused") {
  CHECK_THROWS_WITH(data::prepare(two(2), small_grey),
                    "prepare: expected images of 1 or 3 channels, got 2");
  CHECK_THROWS_WITH(data::prepare(two(1), {.height = 28, .width = 28, .padded_height = 27}),
                    "prepare: expected a positive size and one to pad it to, got 28x28 and 27x32");
  CHECK_THROWS_WITH(data::prepare(two(1), {.height = 0}),
                    "prepare: expected a positive size and one to pad it to, got 0x32 and 32x32");
  CHECK_THROWS_AS(data::prepare(Tensor<std::uint8_t>(Shape{2, 2}), small_grey), ShapeError);
  CHECK_THROWS_WITH(data::without_padding(image(two(3), 0), small_grey),
                    "without_padding: expected an image of 4x3, got (2, 2, 3)");
}
