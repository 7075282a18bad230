#include "cnnrnn/data/transform.hpp"

#include <array>
#include <set>

#include "support/catch.hpp"
#include "support/close.hpp"

using namespace cnnrnn;

namespace {

data::ImageBuffer numbered(Index height, Index width, Index channels) {
  data::ImageBuffer image{height, width, channels, {}};
  for (Index i = 0; i < height * width * channels; ++i) {
    image.values.push_back(static_cast<std::uint8_t>(i + 1));
  }
  return image;
}

std::uint8_t at(const data::ImageBuffer& image, Index y, Index x, Index channel) {
  const bool inside = y >= 0 && y < image.height && x >= 0 && x < image.width;
  return inside ? image.row(y)[x * image.channels + channel] : std::uint8_t{0};
}

/// Whether `moved` is `image` moved down and right, with black coming in.
bool is_moved(const data::ImageBuffer& moved, const data::ImageBuffer& image, Index down,
              Index right) {
  for (Index y = 0; y < image.height; ++y) {
    for (Index x = 0; x < image.width; ++x) {
      for (Index channel = 0; channel < image.channels; ++channel) {
        if (at(moved, y, x, channel) != at(image, y - down, x - right, channel)) {
          return false;
        }
      }
    }
  }
  return true;
}

data::ImageDataset four_pixels() {
  return {.images = Tensor<std::uint8_t>(Shape{2, 1, 2, 2}, {0, 10, 255, 10, 0, 10, 255, 20}),
          .labels = Tensor<Index>(Shape{2}, {0, 0}),
          .class_names = {"a"},
          .name = "four"};
}

}  // namespace

TEST_CASE("channel_statistics are the mean and standard deviation over all pixels") {
  const auto statistics = data::channel_statistics(four_pixels());
  REQUIRE(statistics.mean.size() == 2);
  CHECK(statistics.mean[0] == Approx(0.5));
  CHECK(statistics.standard_deviation[0] == Approx(0.5));
  CHECK(statistics.mean[1] == Approx(12.5 / 255));
  CHECK(statistics.standard_deviation[1] == Approx(std::sqrt(18.75) / 255));
  auto none = four_pixels();
  none.images = Tensor<std::uint8_t>(Shape{0, 1, 2, 2});
  none.labels = Tensor<Index>(Shape{0});
  CHECK_THROWS_WITH(data::channel_statistics(none),
                    "channel_statistics: expected images, got (0, 1, 2, 2)");
  CHECK_THROWS_AS(data::channel_statistics(data::ImageDataset{}), ShapeError);
}

TEST_CASE("a channel that differs by less than a quarter of a grey step is divided by 1") {
  data::ImageDataset images{.images = Tensor<std::uint8_t>::full(Shape{1, 10, 10, 1}, 119),
                            .labels = Tensor<Index>(Shape{1}, {0}),
                            .class_names = {"a"},
                            .name = "nearly plain"};
  images.images.mutable_data()[7] = 120;
  CHECK(data::channel_statistics(images).standard_deviation[0] == 1);
  images.images.mutable_data()[7] = 122;
  CHECK(data::channel_statistics(images).standard_deviation[0] ==
        Approx(3 * std::sqrt(0.0099) / 255));
}

TEST_CASE("a channel that is the same everywhere is divided by 1") {
  auto images = four_pixels();
  for (const std::uint8_t value : std::array<std::uint8_t, 3>{0, 119, 255}) {
    for (Index i = 1; i < images.images.size(); i += 2) {
      images.images.mutable_data()[i] = value;
    }
    const auto statistics = data::channel_statistics(images);
    CHECK(statistics.standard_deviation[0] == Approx(0.5));
    CHECK(statistics.standard_deviation[1] == 1);
    std::vector<double> y(8);
    data::Normalizer<double>(statistics, 2)(images.images.data(), 4, y.data());
    CHECK(y[1] == 0);
    CHECK(y[7] == 0);
  }
}

TEMPLATE_TEST_CASE("normalisation is (x / 255 - mean) / deviation, as in PyTorch", "", float,
                   double) {
  using T = TestType;
  const auto statistics = data::cifar10_statistics();
  const data::Normalizer<T> normalize(statistics, 3);
  const std::vector<std::uint8_t> pixels{0, 128, 255, 17, 200, 3};
  std::vector<T> y(pixels.size());
  normalize(pixels.data(), 2, y.data());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    CHECK(y[i] == (static_cast<T>(pixels[i]) / 255 - static_cast<T>(statistics.mean[i % 3])) /
                      static_cast<T>(statistics.standard_deviation[i % 3]));
  }
  data::Normalizer<T>({}, 3)(pixels.data(), 2, y.data());
  CHECK(y[2] == 1);
  CHECK(y[1] == T(128) / 255);
}

TEST_CASE("normalisation refuses statistics that do not fit") {
  CHECK_THROWS_WITH(data::Normalizer<float>(data::cifar10_statistics(), 1),
                    "normalisation: expected 1 means and standard deviations, got 3 and 3");
  CHECK_THROWS_WITH(data::Normalizer<float>({{0.5}, {0}}, 1),
                    "normalisation: expected a finite mean and a positive standard deviation, got "
                    "0.5 and 0 for channel 0");
  CHECK_THROWS_AS(data::Normalizer<float>({{NAN}, {1}}, 1), ValueError);
}

TEST_CASE("random_crop moves the image by every amount up to the padding") {
  const auto image = numbered(5, 7, 3);
  const auto crop = data::random_crop(2);
  Random random(3);
  std::set<std::pair<Index, Index>> seen;
  for (int i = 0; i < 400; ++i) {
    auto moved = image;
    crop(moved, random);
    for (Index down = -2; down <= 2; ++down) {
      for (Index right = -2; right <= 2; ++right) {
        if (is_moved(moved, image, down, right)) {
          seen.emplace(down, right);
        }
      }
    }
    REQUIRE_FALSE(seen.empty());
  }
  CHECK(seen.size() == 25);
}

TEST_CASE("random_crop may move an image out of itself, or not at all") {
  const auto image = numbered(2, 3, 1);
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    auto moved = image;
    data::random_crop(9)(moved, random);
    CHECK(moved.values.size() == image.values.size());
    moved = image;
    data::random_crop(0)(moved, random);
    CHECK(moved.values == image.values);
  }
  CHECK_THROWS_WITH(data::random_crop(-1), "random_crop: expected a padding of 0 or more, got -1");
}

TEST_CASE("random_flip mirrors rows, pixel by pixel") {
  Random random(5);
  for (const Index width : {1, 2, 5}) {
    const auto image = numbered(2, width, 3);
    auto flipped = image;
    data::random_flip(1)(flipped, random);
    for (Index y = 0; y < 2; ++y) {
      for (Index x = 0; x < width; ++x) {
        CHECK(at(flipped, y, x, 2) == at(image, y, width - 1 - x, 2));
      }
    }
    data::random_flip(0)(flipped, random);
    data::random_flip(1)(flipped, random);
    CHECK(flipped.values == image.values);
  }
  int mirrored = 0;
  for (int i = 0; i < 1000; ++i) {
    auto image = numbered(1, 2, 1);
    data::random_flip()(image, random);
    mirrored += image.values[0] == 2 ? 1 : 0;
  }
  CHECK(std::abs(mirrored - 500) < 80);
  CHECK_THROWS_WITH(data::random_flip(1.5),
                    "random_flip: expected a probability in 0 to 1, got 1.5");
  CHECK_THROWS_AS(data::random_flip(NAN), ValueError);
}
