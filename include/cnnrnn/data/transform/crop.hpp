#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "cnnrnn/data/transform/image_transform.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// What lies outside of an image: black, its mirror image without the outermost pixels, or the
/// outermost pixels again.
enum class Border { black, reflect, replicate };

namespace detail {

/// The pixel of an axis of `size` pixels that stands at `i`, which may be outside; -1 for black.
inline Index border_pixel(Index i, Index size, Border border) {
  if (i >= 0 && i < size) {
    return i;
  }
  if (border == Border::black) {
    return -1;
  }
  if (border == Border::replicate) {
    return std::clamp(i, Index{0}, size - 1);
  }
  const Index period = std::max(Index{1}, 2 * size - 2);
  const Index place = (i % period + period) % period;
  return std::min(place, period - place);
}

/// The window (height, width) of an image that begins at (top, left), inside of it or not.
inline void cut_window(ImageBuffer& image, Index top, Index left, Index height, Index width,
                       Border border) {
  const Index c = image.channels;
  const auto values = static_cast<std::size_t>(height * width * c);
  const ImageBuffer source =
      std::exchange(image, {height, width, c, std::vector<std::uint8_t>(values)});
  const Index inside = std::clamp(-left, Index{0}, width);
  const Index behind = std::clamp(source.width - left, inside, width);
  for (Index y = 0; y < height; ++y) {
    const Index from = border_pixel(top + y, source.height, border);
    if (from < 0) {
      continue;
    }
    const std::uint8_t* const row = source.row(from);
    const auto put_border = [&](Index x) {
      const Index pixel = border_pixel(left + x, source.width, border);
      if (pixel >= 0) {
        std::copy_n(row + pixel * c, c, image.row(y) + x * c);
      }
    };
    for (Index x = 0; x < inside; ++x) {
      put_border(x);
    }
    if (inside < behind) {
      std::copy_n(row + (left + inside) * c, (behind - inside) * c, image.row(y) + inside * c);
    }
    for (Index x = behind; x < width; ++x) {
      put_border(x);
    }
  }
}

}  // namespace detail

/// Options of random_crop.
struct RandomCropOptions {
  Index height = 0;               ///< of the window; 0: of the image
  Index width = 0;                ///< of the window; 0: of the image
  Index padding = 0;              ///< pixels on each side that the window may take in
  Border border = Border::black;  ///< what is around the image
};

/// Cuts a window out of the image at a random place, after padding it on every side: torchvision's
/// RandomCrop. With a padding alone, it moves the image by up to so many pixels in each direction.
/// Throws ValueError for a negative option, and the loader ShapeError for an image too small.
inline Transform random_crop(const RandomCropOptions& options) {
  const auto& o = options;
  require<ValueError>(o.padding >= 0, "random_crop: expected a padding of 0 or more, got ",
                      o.padding);
  require<ValueError>(o.height >= 0 && o.width >= 0,
                      "random_crop: expected a positive size, or 0 for that of the image, got ",
                      o.height, 'x', o.width);
  const auto window = [o](const Shape& image) {
    const Index height = o.height > 0 ? o.height : image[0];
    const Index width = o.width > 0 ? o.width : image[1];
    require<ShapeError>(image[0] + 2 * o.padding >= height && image[1] + 2 * o.padding >= width,
                        "random_crop: expected images of at least ", height, 'x', width,
                        " with a padding of ", o.padding, ", got ", image);
    return Shape{height, width, image[2]};
  };
  const auto crop = [o, window](ImageBuffer& image, Random& random) {
    const Shape size = window(image.shape());
    const Index lowest = image.height + o.padding - size[0];
    const Index rightmost = image.width + o.padding - size[1];
    const Index top = lowest - random.below(lowest + o.padding + 1);
    const Index left = rightmost - random.below(rightmost + o.padding + 1);
    detail::cut_window(image, top, left, size[0], size[1], o.border);
  };
  return {crop, {.name = "random_crop", .shape = window}};
}

/// The same with a padding alone, black.
inline Transform random_crop(Index padding) {
  return random_crop(RandomCropOptions{.padding = padding});
}

/// The middle (height, width) of the image, as the function of tensors in data/resize.hpp. Throws
/// ValueError, and the loader ShapeError for an image too small.
inline Transform center_crop(Index height, Index width) {
  require<ValueError>(height > 0 && width > 0, "center_crop: expected a positive size, got ",
                      height, 'x', width);
  const auto shape = [height, width](const Shape& image) {
    require<ShapeError>(image[0] >= height && image[1] >= width,
                        "center_crop: expected an image of at least ", height, 'x', width, ", got ",
                        image[0], 'x', image[1]);
    return Shape{height, width, image[2]};
  };
  const auto crop = [=](ImageBuffer& image, Random&) {
    shape(image.shape());
    const auto offset = [](Index room) { return (room + (room % 4 == 3 ? 1 : 0)) / 2; };
    detail::cut_window(image, offset(image.height - height), offset(image.width - width), height,
                       width, Border::black);
  };
  return {crop, {.name = "center_crop", .shape = shape}};
}

}  // namespace data
CNNRNN_NAMESPACE_END
