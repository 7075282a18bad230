#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "cnnrnn/data/transform/image_transform.hpp"
#include "cnnrnn/data/transform/normalization.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The colour that normalisation makes (nearly) 0, a byte for each channel.
inline std::vector<std::uint8_t> mean_colour(const ChannelStatistics& statistics) {
  std::vector<std::uint8_t> colour;
  for (const double mean : statistics.mean) {
    colour.push_back(static_cast<std::uint8_t>(std::clamp(std::round(255 * mean), 0.0, 255.0)));
  }
  return colour;
}

namespace detail {

/// Part of an image: `height` rows from `top` on, `width` columns from `left` on.
struct Window {
  Index top, left, height, width;
};

/// Calls put(pixel) for each pixel of a window that lies in the image.
template <class Put>
void for_window(ImageBuffer& image, const Window& window, const Put& put) {
  const Index bottom = std::min(image.height, window.top + window.height);
  const Index right = std::min(image.width, window.left + window.width);
  for (Index y = std::max(Index{0}, window.top); y < bottom; ++y) {
    for (Index x = std::max(Index{0}, window.left); x < right; ++x) {
      put(image.row(y) + x * image.channels);
    }
  }
}

/// Fills a window with a colour; none is black.
inline void fill_window(ImageBuffer& image, const Window& window,
                        const std::vector<std::uint8_t>& colour) {
  for_window(image, window, [&](std::uint8_t* pixel) {
    for (Index c = 0; c < image.channels; ++c) {
      pixel[c] = colour.empty() ? std::uint8_t{0} : colour[static_cast<std::size_t>(c)];
    }
  });
}

/// The shape of images that a colour fits.
inline auto shape_with_colour(const char* name, const std::vector<std::uint8_t>& colour) {
  return [name, channels = std::ssize(colour)](const Shape& image) {
    require<ShapeError>(channels == 0 || channels == image[2], name,
                        ": expected a fill for each of ", image[2], " channels, got ", channels);
    return image;
  };
}

}  // namespace detail

/// Options of cutout.
struct CutoutOptions {
  Index size = 0;                       ///< pixels of a side
  bool inside = false;                  ///< the whole square lies in the image
  std::vector<std::uint8_t> fill = {};  ///< a colour; none: black
};

/// Covers a square at a random place: its centre is any pixel, so parts of it may lie outside
/// (DeVries and Taylor 2017), or it lies inside. Throws ValueError unless the size is positive, and
/// the loader ShapeError for an image that does not fit.
inline Transform cutout(const CutoutOptions& options) {
  const auto& o = options;
  require<ValueError>(o.size > 0, "cutout: expected a positive size, got ", o.size);
  const auto shape = [o, fits = detail::shape_with_colour("cutout", o.fill)](const Shape& image) {
    require<ShapeError>(!o.inside || (image[0] >= o.size && image[1] >= o.size),
                        "cutout: expected images of at least ", o.size, 'x', o.size, ", got ",
                        image);
    return fits(image);
  };
  const auto cover = [o, shape](ImageBuffer& image, Random& random) {
    shape(image.shape());
    const auto begin = [&](Index side) {
      return o.inside ? random.below(side - o.size + 1) : random.below(side) - o.size / 2;
    };
    const Index top = begin(image.height);
    const Index left = begin(image.width);
    detail::fill_window(image, {top, left, o.size, o.size}, o.fill);
  };
  return {cover, {.name = "cutout", .shape = shape}};
}

/// Options of random_erasing.
struct RandomErasingOptions {
  double probability = 0.5;             ///< of erasing at all
  double least_area = 0.02;             ///< of the rectangle, as a share of the image
  double greatest_area = 0.33;          ///< as a share of the image
  double least_aspect = 0.3;            ///< height / width
  double greatest_aspect = 3.3;         ///< height to width
  std::vector<std::uint8_t> fill = {};  ///< a colour; none: black
  bool noise = false;                   ///< random bytes instead
};

/// Covers a rectangle of random area and proportions at a random place inside the image (Zhong et
/// al. 2020): torchvision's RandomErasing. An image in which ten rectangles do not fit stays.
/// Throws ValueError for an option out of range, and the loader ShapeError for a fill that does not
/// fit.
inline Transform random_erasing(const RandomErasingOptions& options = {}) {
  const auto& o = options;
  require<ValueError>(o.probability >= 0 && o.probability <= 1,
                      "random_erasing: expected a probability in 0 to 1, got ", o.probability);
  require<ValueError>(o.least_area > 0 && o.least_area <= o.greatest_area && o.greatest_area <= 1,
                      "random_erasing: expected areas in 0 to 1, the least first, got ",
                      o.least_area, " and ", o.greatest_area);
  require<ValueError>(
      o.least_aspect > 0 && o.least_aspect <= o.greatest_aspect && std::isfinite(o.greatest_aspect),
      "random_erasing: expected positive aspects, the least first, got ", o.least_aspect, " and ",
      o.greatest_aspect);
  const auto shape = detail::shape_with_colour("random_erasing", o.fill);
  const auto place = [o](const ImageBuffer& image, Random& random) -> detail::Window {
    const auto pixels = static_cast<double>(image.height * image.width);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double area = pixels * random.uniform(o.least_area, o.greatest_area);
      const double aspect =
          std::exp(random.uniform(std::log(o.least_aspect), std::log(o.greatest_aspect)));
      const auto height = static_cast<Index>(std::llround(std::sqrt(area * aspect)));
      const auto width = static_cast<Index>(std::llround(std::sqrt(area / aspect)));
      if (height < image.height && width < image.width) {
        const Index top = random.below(image.height - height + 1);
        return {top, random.below(image.width - width + 1), height, width};
      }
    }
    return {0, 0, 0, 0};
  };
  const auto erase = [o, shape, place](ImageBuffer& image, Random& random) {
    shape(image.shape());
    if (!random.bernoulli(o.probability)) {
      return;
    }
    const detail::Window window = place(image, random);
    if (!o.noise) {
      detail::fill_window(image, window, o.fill);
      return;
    }
    detail::for_window(image, window, [&](std::uint8_t* pixel) {
      std::generate_n(pixel, image.channels,
                      [&] { return static_cast<std::uint8_t>(random.below(256)); });
    });
  };
  return {erase, {.name = "random_erasing", .shape = shape}};
}

}  // namespace data
CNNRNN_NAMESPACE_END
