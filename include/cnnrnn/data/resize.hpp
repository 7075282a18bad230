#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

/// The input positions that one output position is a weighted mean of, along one axis.
struct ResizeTaps {
  Index first = 0;
  std::vector<double> weights;  // they add up to 1
};

/// The triangle filter: as wide as one input step when enlarging, which is bilinear interpolation,
/// and as wide as one output step when shrinking, so that every input pixel counts.
inline std::vector<ResizeTaps> resize_taps(Index from, Index to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(1.0, scale);
  std::vector<ResizeTaps> taps(static_cast<std::size_t>(to));
  for (Index out = 0; out < to; ++out) {
    const double centre = (static_cast<double>(out) + 0.5) * scale - 0.5;
    const Index first = std::max(Index{0}, static_cast<Index>(std::ceil(centre - reach)));
    const Index last = std::min(from - 1, static_cast<Index>(std::floor(centre + reach)));
    ResizeTaps& tap = taps[static_cast<std::size_t>(out)];
    tap.first = first;
    double sum = 0;
    for (Index in = first; in <= last; ++in) {
      const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(in) - centre) / reach);
      tap.weights.push_back(weight);
      sum += weight;
    }
    for (double& weight : tap.weights) {
      weight /= sum;
    }
  }
  return taps;
}

/// Resizes the middle axis of (outer, from, inner) to (outer, to, inner).
template <class In>
std::vector<double> resize_axis(const In* image, Index outer, Index from, Index to, Index inner) {
  const std::vector<ResizeTaps> taps = resize_taps(from, to);
  std::vector<double> result(static_cast<std::size_t>(outer * to * inner));
  double* target = result.data();
  for (Index o = 0; o < outer; ++o) {
    for (const ResizeTaps& tap : taps) {
      const In* source = image + (o * from + tap.first) * inner;
      for (const double weight : tap.weights) {
        for (Index i = 0; i < inner; ++i) {
          target[i] += weight * static_cast<double>(source[i]);
        }
        source += inner;
      }
      target += inner;
    }
  }
  return result;
}

inline void require_image(const Tensor<std::uint8_t>& image, Index height, Index width,
                          const char* name) {
  require<ShapeError>(image.rank() == 3 && image.size() > 0, name,
                      ": expected an image (H, W, C), got ", image.shape());
  require<ValueError>(height > 0 && width > 0, name, ": expected a positive size, got ", height,
                      'x', width);
}

/// The part (rows, columns, C) of an image that begins at (top, left).
inline Tensor<std::uint8_t> cut_out(const Tensor<std::uint8_t>& image, Index top, Index left,
                                    Index rows, Index columns) {
  const Index channels = image.dim(2);
  Tensor<std::uint8_t> result(Shape{rows, columns, channels});
  std::uint8_t* to = result.mutable_data();
  for (Index y = top; y < top + rows; ++y) {
    to = std::copy_n(image.data() + (y * image.dim(1) + left) * channels, columns * channels, to);
  }
  return result;
}

}  // namespace detail

/// An image (H, W, C) scaled to (height, width, C): the mean over the area when shrinking, bilinear
/// when enlarging. Throws ShapeError, ValueError.
inline Tensor<std::uint8_t> resize(const Tensor<std::uint8_t>& image, Index height, Index width) {
  detail::require_image(image, height, width, "resize");
  const Index rows = image.dim(0);
  const Index channels = image.dim(2);
  const std::vector<double> wide =
      detail::resize_axis(image.data(), rows, image.dim(1), width, channels);
  const std::vector<double> scaled =
      detail::resize_axis(wide.data(), 1, rows, height, width * channels);
  Tensor<std::uint8_t> result(Shape{height, width, channels});
  std::transform(scaled.begin(), scaled.end(), result.mutable_data(), [](double value) {
    return static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0, 255.0));
  });
  return result;
}

/// An image (H, W, C) scaled in its proportions so that the shorter side is `size`, and the longer
/// one rounded down, as torchvision's Resize does. Throws ShapeError, ValueError.
inline Tensor<std::uint8_t> resize_shorter_side(const Tensor<std::uint8_t>& image, Index size) {
  detail::require_image(image, size, size, "resize_shorter_side");
  const Index shorter = std::min(image.dim(0), image.dim(1));
  return resize(image, image.dim(0) * size / shorter, image.dim(1) * size / shorter);
}

/// The middle (height, width, C) of an image (H, W, C). Where it cannot be exact, the nearest even
/// offset counts, as in torchvision's CenterCrop. Throws ShapeError for a smaller image,
/// ValueError.
inline Tensor<std::uint8_t> center_crop(const Tensor<std::uint8_t>& image, Index height,
                                        Index width) {
  detail::require_image(image, height, width, "center_crop");
  require<ShapeError>(image.dim(0) >= height && image.dim(1) >= width,
                      "center_crop: expected an image of at least ", height, 'x', width, ", got ",
                      image.dim(0), 'x', image.dim(1));
  const auto offset = [](Index room) { return (room + (room % 4 == 3 ? 1 : 0)) / 2; };
  return detail::cut_out(image, offset(image.dim(0) - height), offset(image.dim(1) - width), height,
                         width);
}

/// The largest part of an image (H, W, C), in its middle, that has the proportions height : width.
/// Throws ShapeError, ValueError.
inline Tensor<std::uint8_t> crop_to_aspect(const Tensor<std::uint8_t>& image, Index height,
                                           Index width) {
  detail::require_image(image, height, width, "crop_to_aspect");
  const Index rows = std::clamp(image.dim(1) * height / width, Index{1}, image.dim(0));
  const Index columns = std::clamp(image.dim(0) * width / height, Index{1}, image.dim(1));
  return detail::cut_out(image, (image.dim(0) - rows) / 2, (image.dim(1) - columns) / 2, rows,
                         columns);
}

}  // namespace data
CNNRNN_NAMESPACE_END
