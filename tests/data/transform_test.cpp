#include "cnnrnn/data/transform.hpp"

#include <algorithm>
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

namespace {

/// The bytes of a row of one channel.
std::vector<int> row_of(const data::ImageBuffer& image, Index y = 0) {
  return {image.row(y), image.row(y) + image.width * image.channels};
}

data::ImageBuffer pixel(std::vector<std::uint8_t> colour) {
  return {1, 1, std::ssize(colour), colour};
}

}  // namespace

TEST_CASE("random_crop cuts windows of another size, with borders") {
  const auto image = numbered(3, 3, 1);
  auto window = image;
  data::detail::cut_window(window, -2, -2, 5, 8, data::Border::reflect);
  CHECK(window.shape() == Shape{5, 8, 1});
  CHECK(row_of(window) == std::vector<int>{9, 8, 7, 8, 9, 8, 7, 8});
  CHECK(row_of(window, 2) == std::vector<int>{3, 2, 1, 2, 3, 2, 1, 2});
  window = image;
  data::detail::cut_window(window, -1, 2, 2, 3, data::Border::replicate);
  CHECK(row_of(window) == std::vector<int>{3, 3, 3});
  window = image;
  data::detail::cut_window(window, 2, -4, 2, 4, data::Border::black);
  CHECK(row_of(window) == std::vector<int>{0, 0, 0, 0});
  window = numbered(1, 1, 2);
  data::detail::cut_window(window, 0, -2, 1, 3, data::Border::reflect);
  CHECK(row_of(window) == std::vector<int>{1, 2, 1, 2, 1, 2});

  const auto crop = data::random_crop({.height = 2, .width = 3, .padding = 1});
  CHECK(crop.shape({3, 3, 1}) == Shape{2, 3, 1});
  Random random(3);
  std::set<int> corners;
  for (int i = 0; i < 200; ++i) {
    window = image;
    crop(window, random);
    REQUIRE(window.shape() == Shape{2, 3, 1});
    corners.insert(window.values[4]);
  }
  CHECK(corners.size() ==
        10);  // the middle of the second row is every pixel at some time, or black
  CHECK_THROWS_WITH(data::random_crop({.height = 6, .padding = 1}).shape({3, 4, 1}),
                    "random_crop: expected images of at least 6x4 with a padding of 1, got (3, 4, "
                    "1)");
  CHECK_THROWS_WITH(data::random_crop({.height = -1}),
                    "random_crop: expected a positive size, or 0 for that of the image, got -1x0");

  window = numbered(5, 4, 1);
  data::center_crop(2, 2)(window, random);
  CHECK(row_of(window) == std::vector<int>{10, 11});
  CHECK_THROWS_WITH(data::center_crop(2, 2).shape({3, 1, 1}),
                    "center_crop: expected an image of at least 2x2, got 3x1");
  CHECK_THROWS_WITH(data::center_crop(0, 2), "center_crop: expected a positive size, got 0x2");
}

TEST_CASE("alternating_flip shows every image both ways in two epochs") {
  const auto flip = data::alternating_flip();
  const auto flipped = [&](std::uint64_t seed, Index epoch, Index position) {
    Random random(1);
    auto image = numbered(1, 2, 1);
    flip(image, {.random = random, .seed = seed, .epoch = epoch, .position = position});
    return image.values[0] == 2;
  };
  int in_first = 0;
  int as_other_seed = 0;
  for (Index position = 0; position < 1000; ++position) {
    const bool first = flipped(5, 0, position);
    CHECK(flipped(5, 1, position) != first);
    CHECK(flipped(5, 2, position) == first);
    in_first += first ? 1 : 0;
    as_other_seed += flipped(6, 0, position) == first ? 1 : 0;
  }
  CHECK(std::abs(in_first - 500) < 80);
  CHECK(std::abs(as_other_seed - 500) < 80);
}

TEST_CASE("cutout covers a square, whole or cut off at the border") {
  Random random(2);
  const auto covered = [&](const data::CutoutOptions& options) {
    data::ImageBuffer image{5, 6, 2, std::vector<std::uint8_t>(60, 200)};
    data::cutout(options)(image, random);
    return std::count(image.values.begin(), image.values.end(), 7);
  };
  std::set<Index> inside;
  std::set<Index> anywhere;
  for (int i = 0; i < 300; ++i) {
    inside.insert(covered({.size = 3, .inside = true, .fill = {7, 0}}));
    anywhere.insert(covered({.size = 3, .fill = {7, 7}}));
  }
  CHECK(inside == std::set<Index>{9});
  CHECK(anywhere == std::set<Index>{8, 12, 18});
  data::ImageBuffer black{1, 1, 1, {9}};
  data::cutout({.size = 4})(black, random);
  CHECK(black.values[0] == 0);
  CHECK(data::mean_colour(data::cifar10_statistics()) == std::vector<std::uint8_t>{125, 123, 114});
  CHECK_THROWS_WITH(data::cutout({.size = 0}), "cutout: expected a positive size, got 0");
  CHECK_THROWS_WITH(data::cutout({.size = 2, .fill = {1, 2}}).shape({4, 4, 3}),
                    "cutout: expected a fill for each of 3 channels, got 2");
  CHECK_THROWS_WITH(data::cutout({.size = 5, .inside = true}).shape({4, 5, 3}),
                    "cutout: expected images of at least 5x5, got (4, 5, 3)");
}

TEST_CASE("random_erasing covers rectangles of the areas and proportions asked for") {
  Random random(2);
  const auto erased = [&](const data::RandomErasingOptions& options) {
    data::ImageBuffer image{20, 30, 1, std::vector<std::uint8_t>(600, 200)};
    data::random_erasing(options)(image, random);
    return image;
  };
  int changed = 0;
  for (int i = 0; i < 400; ++i) {
    const auto image = erased({});
    const auto covered = std::count(image.values.begin(), image.values.end(), 0);
    changed += covered > 0 ? 1 : 0;
    CHECK(covered < 240);
  }
  CHECK(std::abs(changed - 200) < 50);
  const auto square = erased({.probability = 1,
                              .least_area = 0.06,
                              .greatest_area = 0.06,
                              .least_aspect = 1,
                              .greatest_aspect = 1,
                              .fill = {3}});
  CHECK(std::count(square.values.begin(), square.values.end(), 3) == 36);
  const auto noise = erased({.probability = 1, .least_area = 0.3, .noise = true});
  CHECK(std::set<int>(noise.values.begin(), noise.values.end()).size() > 60);
  CHECK(erased({.probability = 1, .least_area = 1, .greatest_area = 1}).values ==
        std::vector<std::uint8_t>(600, 200));
  CHECK_THROWS_WITH(data::random_erasing({.probability = 2}),
                    "random_erasing: expected a probability in 0 to 1, got 2");
  CHECK_THROWS_WITH(data::random_erasing({.least_area = 0.5}),
                    "random_erasing: expected areas in 0 to 1, the least first, got 0.5 and 0.33");
  CHECK_THROWS_WITH(data::random_erasing({.least_aspect = 0}),
                    "random_erasing: expected positive aspects, the least first, got 0 and 3.3");
}

TEST_CASE("brightness, contrast, saturation and hue are torchvision's") {
  const auto adjusted = [](std::vector<std::uint8_t> colour, const auto& adjust, double by) {
    auto image = pixel(std::move(colour));
    adjust(image, by);
    return image.values;
  };
  using Bytes = std::vector<std::uint8_t>;
  CHECK(adjusted({100, 200, 3}, data::adjust_brightness, 1.5) == Bytes{150, 255, 5});
  CHECK(adjusted({100, 200, 50}, data::adjust_saturation, 0) == Bytes{153, 153, 153});
  CHECK(adjusted({100, 200, 50}, data::adjust_saturation, 1) == Bytes{100, 200, 50});
  CHECK(adjusted({100}, data::adjust_saturation, 0) == Bytes{100});
  CHECK(adjusted({200, 100, 50}, data::adjust_hue, 1.0 / 3) == Bytes{50, 200, 100});
  CHECK(adjusted({200, 100, 50}, data::adjust_hue, -1.0 / 3) == Bytes{100, 50, 200});
  CHECK(adjusted({10, 250, 40}, data::adjust_hue, 0.5) == Bytes{250, 10, 220});
  CHECK(adjusted({10, 40, 250}, data::adjust_hue, 1) == Bytes{10, 40, 250});
  CHECK(adjusted({9, 9, 9}, data::adjust_hue, 0.2) == Bytes{9, 9, 9});
  CHECK(adjusted({9}, data::adjust_hue, 0.2) == Bytes{9});
  data::ImageBuffer two{1, 2, 1, {100, 200}};
  data::adjust_contrast(two, 0.5);
  CHECK(two.values == Bytes{125, 175});
  data::ImageBuffer coloured{1, 2, 3, {100, 200, 50, 0, 0, 0}};
  data::adjust_contrast(coloured, 0);
  CHECK(coloured.values == Bytes(6, 76));
  CHECK_THROWS_WITH(adjusted({1, 2}, data::adjust_contrast, 1),
                    "adjust_contrast: expected an image with 1 or 3 channels, got (1, 1, 2)");
}

TEST_CASE("colour_jitter changes what it is asked to change, within bounds") {
  Random random(4);
  int lowest = 255;
  int highest = 0;
  std::set<std::vector<std::uint8_t>> colours;
  for (int i = 0; i < 500; ++i) {
    auto image = pixel({100, 100, 100});
    data::colour_jitter({.brightness = 0.4})(image, random);
    lowest = std::min<int>(lowest, image.values[0]);
    highest = std::max<int>(highest, image.values[0]);
    image = pixel({200, 100, 50});
    data::colour_jitter({.hue = 0.1})(image, random);
    CHECK(*std::ranges::max_element(image.values) == 200);
    colours.insert(image.values);
    data::colour_jitter({})(image, random);
    CHECK(*std::ranges::min_element(image.values) == 50);
  }
  CHECK((lowest >= 60 && lowest < 65 && highest > 135 && highest <= 140));
  CHECK(colours.size() > 50);
  CHECK_THROWS_WITH(data::colour_jitter({.contrast = -1}),
                    "colour_jitter: expected changes of 0 or more, got -1");
  CHECK_THROWS_WITH(data::colour_jitter({.hue = 0.6}),
                    "colour_jitter: expected a hue of at most 0.5, got 0.6");
  CHECK_THROWS_WITH(data::colour_jitter({.hue = 0.1}).shape({2, 2, 4}),
                    "colour_jitter: expected images with 1 or 3 channels, got (2, 2, 4)");
}
