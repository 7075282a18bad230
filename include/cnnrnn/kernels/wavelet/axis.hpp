#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/kernels/wavelet/filters.hpp"

CNNRNN_KERNELS_BEGIN

/// A wavelet transform along one axis as a sparse matrix: output r is the sum over the terms of row
/// r, with weights for the low and for the high band. The extension is part of it, so that the way
/// back, and every gradient, is its transpose.
template <class T>
struct WaveletAxis {
  struct Term {
    Index from;
    T low, high;
  };

  std::vector<Term> terms;
  std::vector<std::size_t> starts{0};  // where each row's terms begin, and the last one's end

  std::span<const Term> row(Index r) const {
    const auto i = static_cast<std::size_t>(r);
    return {terms.data() + starts[i], starts[i + 1] - starts[i]};
  }
};

/// How many numbers a band has for a signal of `size`.
inline Index wavelet_band_size(const Wavelet& wavelet, WaveletExtension extension, Index size) {
  return extension == WaveletExtension::periodic ? (size + 1) / 2 : (size + wavelet.taps - 1) / 2;
}

/// The largest of the two sizes of signals whose bands have `band` numbers.
inline Index wavelet_signal_size(const Wavelet& wavelet, WaveletExtension extension, Index band) {
  return extension == WaveletExtension::periodic ? 2 * band : 2 * band - wavelet.taps + 2;
}

/// What lies outside the ends of a signal.
enum class WaveletOutside { extension, nothing };

namespace detail {

inline constexpr Index no_source = -1;

/// Which element of a signal stands at position t, inside or outside; no_source if none does.
inline Index wavelet_source(WaveletExtension extension, WaveletOutside outside, Index size,
                            Index t) {
  const bool nothing = outside == WaveletOutside::nothing;
  if (extension == WaveletExtension::periodic) {
    const Index period = size + size % 2;
    const Index place = (t % period + period) % period;
    return place < size ? place : nothing ? no_source : size - 1;
  }
  if (nothing) {
    return t >= 0 && t < size ? t : no_source;
  }
  const Index place = (t % (2 * size) + 2 * size) % (2 * size);
  return place < size ? place : 2 * size - 1 - place;
}

}  // namespace detail

/// The transform of a signal of `size` into its bands. With WaveletOutside::nothing its transpose
/// puts signals together again.
template <class T>
WaveletAxis<T> wavelet_axis(const Wavelet& wavelet, WaveletExtension extension,
                            WaveletOutside outside, Index size) {
  const Index taps = wavelet.taps;
  const Index reach = extension == WaveletExtension::periodic ? taps / 2 - 1 : taps - 2;
  WaveletAxis<T> axis;
  for (Index r = 0; r < wavelet_band_size(wavelet, extension, size); ++r) {
    for (Index k = 0; k < taps; ++k) {
      const Index from = detail::wavelet_source(extension, outside, size, 2 * r - reach + k);
      if (from != detail::no_source) {
        const auto h = [&](Index tap) {
          return static_cast<T>(wavelet.scaling[static_cast<std::size_t>(tap)]);
        };
        axis.terms.push_back({from, h(k), k % 2 == 0 ? h(taps - 1 - k) : -h(taps - 1 - k)});
      }
    }
    axis.starts.push_back(axis.terms.size());
  }
  return axis;
}

/// The transpose: row i has the bands' numbers to which element i of a signal of `size` gives.
template <class T>
WaveletAxis<T> transposed(const WaveletAxis<T>& axis, Index size) {
  std::vector<std::vector<typename WaveletAxis<T>::Term>> rows(static_cast<std::size_t>(size));
  for (std::size_t r = 0; r + 1 < axis.starts.size(); ++r) {
    for (const auto& term : axis.row(static_cast<Index>(r))) {
      rows[static_cast<std::size_t>(term.from)].push_back(
          {static_cast<Index>(r), term.low, term.high});
    }
  }
  WaveletAxis<T> result;
  for (const auto& row : rows) {
    result.terms.insert(result.terms.end(), row.begin(), row.end());
    result.starts.push_back(result.terms.size());
  }
  return result;
}

CNNRNN_KERNELS_END
