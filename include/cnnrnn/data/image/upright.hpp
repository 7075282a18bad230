#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/data/image/header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// Pixels (height, width, 3) in the order of a file, turned and mirrored as EXIF's orientation asks
/// for: (height, width, 3), or (width, height, 3) from 5 on.
inline Tensor<std::uint8_t> upright(std::span<const std::uint8_t> pixels,
                                    const ImageHeader& header) {
  constexpr Index channels = 3;
  const auto is = [&](auto... values) { return ((header.orientation == values) || ...); };
  const bool upside_down = is(3, 4, 6, 7);
  const bool from_the_right = is(2, 3, 7, 8);
  Index down = header.width * channels;
  Index right = channels;
  const std::uint8_t* const first = pixels.data() + (upside_down ? (header.height - 1) * down : 0) +
                                    (from_the_right ? (header.width - 1) * right : 0);
  down = upside_down ? -down : down;
  right = from_the_right ? -right : right;
  Shape shape{header.height, header.width, channels};
  if (is(5, 6, 7, 8)) {
    std::swap(down, right);
    shape = {header.width, header.height, channels};
  }
  Tensor<std::uint8_t> image(shape);
  std::uint8_t* to = image.mutable_data();
  for (Index y = 0; y < shape[0]; ++y) {
    for (Index x = 0; x < shape[1]; ++x) {
      to = std::copy_n(first + y * down + x * right, channels, to);
    }
  }
  return image;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
