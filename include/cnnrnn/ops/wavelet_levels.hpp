#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/slice.hpp"
#include "cnnrnn/ops/wavelet.hpp"

CNNRNN_NAMESPACE_BEGIN

/// A wavelet transform of several levels, as PyWavelets' wavedec2 orders it: the LL band of the
/// last level, and the other bands of each level, coarsest first.
template <class T>
struct WaveletLevels {
  Variable<T> approximation;         ///< (N, BH, BW, C)
  std::vector<Variable<T>> details;  ///< (N, BH, BW, 3C) each: LH, HL, HH
};

/// `levels` levels of dwt2d, each of the LL band of the one before.
///
/// x (N, H, W, C) -> approximation and details. Saves nothing. Throws ShapeError, and ValueError
/// unless `levels` is positive.
template <class T>
WaveletLevels<T> wavedec2d(const Variable<T>& x, Index levels, const WaveletOptions& options = {}) {
  require<ValueError>(levels > 0, "wavedec2d: expected a positive number of levels, got ", levels);
  detail::check_wavelet_image("wavedec2d", options, x.shape());
  WaveletLevels<T> result{x, {}};
  for (Index level = 0; level < levels; ++level) {
    const Variable<T> bands = dwt2d(result.approximation, options);
    const Index channels = bands.dim(3) / 4;
    result.approximation = slice(bands, 3, 0, channels);
    result.details.push_back(slice(bands, 3, channels, 3 * channels));
  }
  std::ranges::reverse(result.details);
  return result;
}

namespace detail {

/// The size of the image of each level, coarsest first. Throws as waverec2d.
template <class T>
std::vector<Size2d> waverec2d_sizes(const WaveletLevels<T>& levels, const WaveletOptions& options,
                                    Size2d size) {
  Shape low = levels.approximation.shape();
  require<ShapeError>(low.rank() == 4 && low[1] > 0 && low[2] > 0,
                      "waverec2d: expected an approximation (N, BH, BW, C) with pixels, got ", low);
  require<ShapeError>(!levels.details.empty(),
                      "waverec2d: expected the details of one level or more, got none");
  std::vector<Size2d> sizes;
  for (auto level = levels.details.begin(); level != levels.details.end(); ++level) {
    require<ShapeError>(level->shape() == low.with(3, 3 * low[3]),
                        "waverec2d: expected details of shape ", low.with(3, 3 * low[3]), ", got ",
                        level->shape());
    Size2d image = size;
    if (const auto finer = level + 1; finer != levels.details.end()) {
      require<ShapeError>(finer->rank() == 4, "waverec2d: expected details (N, BH, BW, 3C), got ",
                          finer->shape());
      image = {finer->dim(1), finer->dim(2)};
    }
    low = idwt2d_shape("waverec2d", options, low.with(3, 4 * low[3]), image);
    sizes.push_back({low[1], low[2]});
  }
  return sizes;
}

}  // namespace detail

/// The inverse of wavedec2d, to rounding; `size` as in idwt2d.
///
/// approximation and details -> x (N, H, W, C). Saves nothing. Throws ShapeError for bands that do
/// not fit each other or without details, and ValueError for a wavelet without taps.
template <class T>
Variable<T> waverec2d(const WaveletLevels<T>& levels, const WaveletOptions& options = {},
                      Size2d size = 0) {
  const auto sizes = detail::waverec2d_sizes(levels, options, size);
  Variable<T> x = levels.approximation;
  for (std::size_t level = 0; level < sizes.size(); ++level) {
    x = idwt2d(concat({x, levels.details[level]}), options, sizes[level]);
  }
  return x;
}

CNNRNN_NAMESPACE_END
