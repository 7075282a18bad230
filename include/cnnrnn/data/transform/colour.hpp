#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "cnnrnn/data/transform/image_transform.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

inline std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0, 255.0));
}

/// The brightness of a pixel that is grey, or red, green and blue (ITU-R 601).
inline double grey_of(const std::uint8_t* pixel, Index channels) {
  return channels == 1 ? pixel[0] : 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

/// Calls change(pixel) for each pixel. Throws ShapeError unless there are 1 or 3 channels.
template <class Change>
void for_coloured_pixels(ImageBuffer& image, const char* name, const Change& change) {
  require<ShapeError>(image.channels == 1 || image.channels == 3, name,
                      ": expected an image with 1 or 3 channels, got ", image.shape());
  for (Index i = 0; i < image.height * image.width; ++i) {
    change(image.values.data() + i * image.channels);
  }
}

/// Each channel of a pixel, `factor` times as far away from `middle`.
inline void spread(std::uint8_t* pixel, Index channels, double middle, double factor) {
  for (Index c = 0; c < channels; ++c) {
    pixel[c] = to_byte(middle + factor * (pixel[c] - middle));
  }
}

inline void turn_hue(std::uint8_t* pixel, double turn) {
  const double red = pixel[0];
  const double green = pixel[1];
  const double blue = pixel[2];
  const double value = std::max({red, green, blue});
  const double chroma = value - std::min({red, green, blue});
  if (chroma == 0) {
    return;
  }
  const double sector = value == red     ? (green - blue) / chroma
                        : value == green ? 2 + (blue - red) / chroma
                                         : 4 + (red - green) / chroma;
  const std::array<double, 3> shifts{5, 3, 1};
  for (std::size_t c = 0; c < 3; ++c) {
    const double place = shifts[c] + sector + 6 * turn;
    const double k = place - 6 * std::floor(place / 6);
    pixel[c] = to_byte(value - chroma * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
  }
}

}  // namespace detail

// As torchvision's functions of these names. Images are grey, or red, green and blue; all throw
// ShapeError for other numbers of channels.

/// Multiplies all channels.
inline void adjust_brightness(ImageBuffer& image, double factor) {
  detail::for_coloured_pixels(image, "adjust_brightness", [&](std::uint8_t* pixel) {
    detail::spread(pixel, image.channels, 0, factor);
  });
}

/// Moves all channels away from the mean brightness of the image, or towards it: 0 makes it plain
/// grey.
inline void adjust_contrast(ImageBuffer& image, double factor) {
  double sum = 0;
  detail::for_coloured_pixels(image, "adjust_contrast", [&](const std::uint8_t* pixel) {
    sum += detail::grey_of(pixel, image.channels);
  });
  const double mean = sum / static_cast<double>(image.height * image.width);
  detail::for_coloured_pixels(image, "adjust_contrast", [&](std::uint8_t* pixel) {
    detail::spread(pixel, image.channels, mean, factor);
  });
}

/// Moves the channels of each pixel away from its brightness, or towards it: 0 takes the colour
/// out.
inline void adjust_saturation(ImageBuffer& image, double factor) {
  detail::for_coloured_pixels(image, "adjust_saturation", [&](std::uint8_t* pixel) {
    if (image.channels == 3) {
      detail::spread(pixel, 3, detail::grey_of(pixel, 3), factor);
    }
  });
}

/// Turns the hue of each pixel; 1 is the full circle, red to green to blue to red.
inline void adjust_hue(ImageBuffer& image, double turn) {
  detail::for_coloured_pixels(image, "adjust_hue", [&](std::uint8_t* pixel) {
    if (image.channels == 3) {
      detail::turn_hue(pixel, turn);
    }
  });
}

/// Options of colour_jitter.
struct ColourJitterOptions {
  double brightness = 0;  ///< the factor lies in 1 - brightness to 1 + brightness, and in 0 or more
  double contrast = 0;    ///< likewise
  double saturation = 0;  ///< likewise
  double hue = 0;         ///< the turn lies in -hue to hue; at most 0.5
};

/// Changes brightness, contrast, saturation and hue by random factors, in random order:
/// torchvision's ColorJitter. Throws ValueError for an option out of range, and the loader
/// ShapeError for images that are neither grey nor red, green and blue.
inline Transform colour_jitter(const ColourJitterOptions& options) {
  const auto& o = options;
  for (const double most : {o.brightness, o.contrast, o.saturation, o.hue}) {
    require<ValueError>(most >= 0 && std::isfinite(most),
                        "colour_jitter: expected changes of 0 or more, got ", most);
  }
  require<ValueError>(o.hue <= 0.5, "colour_jitter: expected a hue of at most 0.5, got ", o.hue);
  const auto shape = [](const Shape& image) {
    require<ShapeError>(image[2] == 1 || image[2] == 3,
                        "colour_jitter: expected images with 1 or 3 channels, got ", image);
    return image;
  };
  const auto jitter = [o](ImageBuffer& image, Random& random) {
    std::array<int, 4> order{0, 1, 2, 3};
    random.shuffle(std::span<int>(order));
    const auto factor = [&](double most) {
      return random.uniform(std::max(0.0, 1 - most), 1 + most);
    };
    for (const int change : order) {
      if (change == 0 && o.brightness > 0) {
        adjust_brightness(image, factor(o.brightness));
      } else if (change == 1 && o.contrast > 0) {
        adjust_contrast(image, factor(o.contrast));
      } else if (change == 2 && o.saturation > 0) {
        adjust_saturation(image, factor(o.saturation));
      } else if (change == 3 && o.hue > 0) {
        adjust_hue(image, random.uniform(-o.hue, o.hue));
      }
    }
  };
  return {jitter, {.name = "colour_jitter", .shape = shape}};
}

}  // namespace data
CNNRNN_NAMESPACE_END
