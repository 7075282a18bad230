#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/wavelet/axis.hpp"

// Wavelet transforms of images, down the columns and along the rows.
//
//   N, H, W, C    images, rows, columns, channels of x
//   BH, BW        rows and columns of a sub-band; y (N, BH, BW, 4C) has four beside each other:
//                 LL, LH, HL, HH, the first letter along the rows, the second down the columns
//
// Rows never wait for each other, and each element is summed in the order of its terms.

CNNRNN_KERNELS_BEGIN

/// Sizes and the two matrices; `rows` acts down the columns of pixels, `columns` along the rows.
template <class T>
struct Wavelet2d {
  Index n, h, w, c;
  Index bh, bw;
  WaveletAxis<T> rows, columns;
};

namespace detail {

template <class T>
using WaveletTerms = std::span<const typename WaveletAxis<T>::Term>;

/// low, high (count) = the sums over the terms of x (.., step), of which `count` elements count.
/// Elements are T, or bfloat16 where that is float.
template <class T, class From, class To>
void wavelet_split(WaveletTerms<T> terms, const From* x, Index step, Index count, To* low, To* high,
                   bool accumulate) {
  using P = Packet<T>;
  for_each_lanes<T>(count, [=](const auto& lanes) {
    P lows = accumulate ? lanes.load(low) : P::zero();
    P highs = accumulate ? lanes.load(high) : P::zero();
    for (const auto& term : terms) {
      const P value = lanes.load(x + term.from * step);
      lows = multiply_add(P::set(term.low), value, lows);
      highs = multiply_add(P::set(term.high), value, highs);
    }
    lanes.store(low, lows);
    lanes.store(high, highs);
  });
}

/// x (count) = the sum over the terms of low and high (.., step).
template <class T, class From, class To>
void wavelet_join(WaveletTerms<T> terms, const From* low, const From* high, Index step, Index count,
                  To* x, bool accumulate) {
  using P = Packet<T>;
  for_each_lanes<T>(count, [=](const auto& lanes) {
    P sum = accumulate ? lanes.load(x) : P::zero();
    for (const auto& term : terms) {
      sum = multiply_add(P::set(term.low), lanes.load(low + term.from * step), sum);
      sum = multiply_add(P::set(term.high), lanes.load(high + term.from * step), sum);
    }
    lanes.store(x, sum);
  });
}

/// Rows a block takes, for rows of `elements` elements.
inline Index wavelet_block(Index elements) {
  constexpr Index block = 1 << 14;
  return std::max<Index>(1, block / std::max<Index>(1, elements));
}

}  // namespace detail

/// y = the sub-bands of x, by matrices from H to BH and from W to BW
template <class T>
void wavelet_analysis(const Wavelet2d<Accumulator<T>>& d, const T* x, GradientSpan<T> y) {
  using A = Accumulator<T>;
  const Index line = d.w * d.c;
  if (!y.needed()) {
    return;
  }
  parallel_for(d.n * d.bh, detail::wavelet_block(2 * line), [&](Index begin, Index end) {
    Tensor<A> halves({2, line});
    A* const low = halves.mutable_data();
    A* const high = low + line;
    for (Index r = begin; r < end; ++r) {
      const T* const image = x + r / d.bh * d.h * line;
      detail::wavelet_split<A>(d.rows.row(r % d.bh), image, line, line, low, high, false);
      for (Index q = 0; q < d.bw; ++q) {
        const auto terms = d.columns.row(q);
        T* const to = y.data() + (r * d.bw + q) * 4 * d.c;
        detail::wavelet_split<A>(terms, low, d.c, d.c, to, to + 2 * d.c, y.accumulate);
        detail::wavelet_split<A>(terms, high, d.c, d.c, to + d.c, to + 3 * d.c, y.accumulate);
      }
    }
  });
}

/// x = the images of the sub-bands y, by matrices from BH to H and from BW to W
template <class T>
void wavelet_synthesis(const Wavelet2d<Accumulator<T>>& d, const T* y, GradientSpan<T> x) {
  using A = Accumulator<T>;
  const Index band_line = d.bw * 4 * d.c;
  if (!x.needed()) {
    return;
  }
  parallel_for(d.n * d.h, detail::wavelet_block(d.w * d.c), [&](Index begin, Index end) {
    Tensor<A> halves({2, d.bw, d.c});
    A* const low = halves.mutable_data();
    A* const high = low + d.bw * d.c;
    for (Index r = begin; r < end; ++r) {
      const auto terms = d.rows.row(r % d.h);
      for (Index q = 0; q < d.bw; ++q) {
        const T* const from = y + r / d.h * d.bh * band_line + q * 4 * d.c;
        detail::wavelet_join<A>(terms, from, from + d.c, band_line, d.c, low + q * d.c, false);
        detail::wavelet_join<A>(terms, from + 2 * d.c, from + 3 * d.c, band_line, d.c,
                                high + q * d.c, false);
      }
      for (Index s = 0; s < d.w; ++s) {
        T* const to = x.data() + (r * d.w + s) * d.c;
        detail::wavelet_join<A>(d.columns.row(s), low, high, d.c, d.c, to, x.accumulate);
      }
    }
  });
}

CNNRNN_KERNELS_END
