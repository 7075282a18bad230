#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnrnn/data/transform/image_transform.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

inline void mirror(ImageBuffer& image) {
  const Index channels = image.channels;
  for (Index y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (Index left = 0, right = image.width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * channels, row + (left + 1) * channels, row + right * channels);
    }
  }
}

}  // namespace detail

/// Mirrors the image left to right, with the given probability. Throws ValueError unless that is
/// in 0 to 1.
inline Transform random_flip(double probability = 0.5) {
  require<ValueError>(probability >= 0 && probability <= 1,
                      "random_flip: expected a probability in 0 to 1, got ", probability);
  const auto flip = [probability](ImageBuffer& image, Random& random) {
    if (random.bernoulli(probability)) {
      detail::mirror(image);
    }
  };
  return {flip, {.name = "random_flip"}};
}

/// Mirrors a random half of the images left to right in even epochs and the other half in odd ones,
/// so that two epochs show every image both ways (Jordan 2024, section 3.6). The half follows from
/// the seed alone.
inline Transform alternating_flip() {
  const auto flip = [](ImageBuffer& image, const TransformContext& context) {
    constexpr std::uint64_t halves = 0x666c6970U;  // sets these numbers apart from all others
    const auto position = static_cast<std::uint64_t>(context.position);
    Random half = Random::derived(context.seed, {halves, position});
    if (half.bernoulli(0.5) == (context.epoch % 2 == 0)) {
      detail::mirror(image);
    }
  };
  return {flip, {.name = "alternating_flip"}};
}

}  // namespace data
CNNRNN_NAMESPACE_END
