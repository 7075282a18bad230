#include "cnnrnn/data/resize.hpp"

#include <numeric>
#include <utility>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

using Image = Tensor<std::uint8_t>;

bool same(const Image& a, const Image& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.span(), b.span());
}

}  // namespace

TEST_CASE("resize to the same size changes nothing") {
  const Image image(Shape{2, 3, 2}, {0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100});
  CHECK(same(data::resize(image, 2, 3), image));
}

TEST_CASE("resize enlarges bilinearly") {
  // The classic with centres of pixels on both sides: 0, 1/4, 3/4, 1.
  const Image image(Shape{1, 2, 1}, {0, 100});
  CHECK(same(data::resize(image, 1, 4), Image(Shape{1, 4, 1}, {0, 25, 75, 100})));
  const Image column(Shape{2, 1, 1}, {0, 100});
  CHECK(same(data::resize(column, 4, 1), Image(Shape{4, 1, 1}, {0, 25, 75, 100})));
}

TEST_CASE("resize shrinks by the mean over the area") {
  // A checkerboard of single pixels turns grey all over, whatever pixels a coarse grid would hit.
  Image board(Shape{64, 64, 1});
  for (Index i = 0; i < board.size(); ++i) {
    board.mutable_data()[i] = (i / 64 + i % 64) % 2 == 0 ? 0 : 200;
  }
  for (const std::uint8_t value : data::resize(board, 8, 8).span()) {
    CHECK(std::abs(int{value} - 100) <= 1);
  }
  // The triangle of radius 2 about the middle of 4 pixels: weights 1, 3, 3, 1 of 8.
  const Image row(Shape{1, 4, 1}, {0, 80, 160, 240});
  CHECK(data::resize(row, 1, 1)(0, 0, 0) == 120);
}

TEST_CASE("resize keeps constant images, of any proportions") {
  for (const auto& [h, w] : {std::array<Index, 2>{1, 1}, {1, 100}, {100, 1}, {7, 13}, {33, 31}}) {
    CAPTURE(h, w);
    const Image scaled = data::resize(Image::full(Shape{h, w, 3}, 77), 32, 32);
    CHECK(same(scaled, Image::full(Shape{32, 32, 3}, 77)));
  }
}

TEST_CASE("crop_to_aspect keeps the middle") {
  const Image image(Shape{2, 4, 1}, {0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(same(data::crop_to_aspect(image, 32, 32), Image(Shape{2, 2, 1}, {1, 2, 5, 6})));
  CHECK(same(data::crop_to_aspect(image, 1, 4), Image(Shape{1, 4, 1}, {0, 1, 2, 3})));
  CHECK(same(data::crop_to_aspect(image, 1, 2), image));
  CHECK(data::crop_to_aspect(Image::zeros(Shape{1, 1000, 3}), 32, 32).shape() == Shape{1, 1, 3});
}

TEST_CASE("resize_shorter_side keeps the proportions") {
  for (const auto& [from, to] : {std::pair{Shape{480, 640, 3}, Shape{256, 341, 3}},
                                 {Shape{7, 3, 1}, Shape{11, 5, 1}},
                                 {Shape{5, 5, 2}, Shape{5, 5, 2}},
                                 {Shape{3, 3000, 1}, Shape{2, 2000, 1}}}) {
    const Image image = Image::full(from, 9);
    const Index size = std::min(to[0], to[1]);
    CHECK(same(data::resize_shorter_side(image, size), Image::full(to, 9)));
  }
  const Image row(Shape{1, 2, 1}, {0, 100});
  CHECK(same(data::resize_shorter_side(row, 2), data::resize(row, 2, 4)));
}

TEST_CASE("center_crop keeps the middle, and rounds the offset to even") {
  Image row(Shape{1, 9, 1});
  std::iota(row.mutable_data(), row.mutable_data() + 9, std::uint8_t{0});
  // round(room / 2) in Python: 0, 0, 1, 2, 2, 2, 3, 4, 4.
  for (const auto& [width, first] : {std::pair<Index, int>{9, 0},
                                     {8, 0},
                                     {7, 1},
                                     {6, 2},
                                     {5, 2},
                                     {4, 2},
                                     {3, 3},
                                     {2, 4},
                                     {1, 4}}) {
    CAPTURE(width);
    const Image cropped = data::center_crop(row, 1, width);
    CHECK(cropped.shape() == Shape{1, width, 1});
    CHECK(cropped(0, 0, 0) == first);
  }
  const Image image(Shape{3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(same(data::center_crop(image, 1, 2), Image(Shape{1, 2, 2}, {4, 5, 6, 7})));
  CHECK(same(data::center_crop(image, 3, 2), image));
}

TEST_CASE("resize and crop refuse what is no image and no size") {
  CHECK_THROWS_WITH(data::resize(Image::zeros(Shape{2, 2}), 1, 1),
                    "resize: expected an image (H, W, C), got (2, 2)");
  CHECK_THROWS_AS(data::resize(Image::zeros(Shape{0, 2, 3}), 1, 1), ShapeError);
  CHECK_THROWS_AS(data::resize(Image(), 1, 1), ShapeError);
  CHECK_THROWS_WITH(data::resize(Image::zeros(Shape{2, 2, 3}), 0, 5),
                    "resize: expected a positive size, got 0x5");
  CHECK_THROWS_AS(data::crop_to_aspect(Image::zeros(Shape{2, 2, 3}), 1, -1), ValueError);
  CHECK_THROWS_AS(data::resize_shorter_side(Image::zeros(Shape{2, 2, 3}), 0), ValueError);
  CHECK_THROWS_AS(data::resize_shorter_side(Image(), 1), ShapeError);
  CHECK_THROWS_AS(data::center_crop(Image::zeros(Shape{2, 2, 3}), 0, 1), ValueError);
  CHECK_THROWS_WITH(data::center_crop(Image::zeros(Shape{5, 7, 3}), 6, 4),
                    "center_crop: expected an image of at least 6x4, got 5x7");
  CHECK_THROWS_WITH(data::center_crop(Image::zeros(Shape{5, 7, 3}), 5, 8),
                    "center_crop: expected an image of at least 5x8, got 5x7");
}
