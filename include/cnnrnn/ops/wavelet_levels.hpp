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

/// The inverse of wavedec2d, to rounding; `size` as in idwt2d.
///
/// approximation and details -> x (N, H, W, C). Saves nothing. Throws ShapeError for bands that do
/// not fit each other or without details.
template <class T>
Variable<T> waverec2d(const WaveletLevels<T>& levels, const WaveletOptions& options = {},
                      Size2d size = 0) {
  require<ShapeError>(!levels.details.empty(),
                      "waverec2d: expected the details of one level or more, got none");
  Variable<T> x = levels.approximation;
  for (std::size_t level = 0; level < levels.details.size(); ++level) {
    const bool last = level + 1 == levels.details.size();
    const auto& finer = levels.details[last ? level : level + 1];
    x = idwt2d(concat({x, levels.details[level]}), options,
               last ? size : Size2d(finer.dim(1), finer.dim(2)));
  }
  return x;
}

CNNRNN_NAMESPACE_END
