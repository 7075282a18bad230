#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/conv2d_band.hpp"
#include "cnnrnn/kernels/gemm_tile.hpp"

CNNRNN_KERNELS_BEGIN

/// A convolution y (N, OH, OW, O) = x (N, H, W, C) * weight (O, C / groups, KH, KW).
struct Conv2dDims {
  Index n, h, w, c, o;
  Size2d kernel;
  Size2d stride{1};
  Size2d padding{0};
  Size2d dilation{1};
  Index groups = 1;

  Index oh() const { return (h + 2 * padding.h - dilation.h * (kernel.h - 1) - 1) / stride.h + 1; }
  Index ow() const { return (w + 2 * padding.w - dilation.w * (kernel.w - 1) - 1) / stride.w + 1; }
  Index group_c() const { return c / groups; }
  Index group_o() const { return o / groups; }
  Index taps() const { return kernel.h * kernel.w; }

  /// How x is read to make y.
  ConvWindow forward_window() const {
    return {h, w, c, oh(), ow(), kernel, stride, padding, dilation, {1}};
  }

  /// How dy is read to make dx: with zeros put between its pixels where the stride skipped, at
  /// stride one, from the other side.
  ConvWindow backward_window() const {
    const Size2d reach{dilation.h * (kernel.h - 1) - padding.h,
                       dilation.w * (kernel.w - 1) - padding.w};
    return {oh(), ow(), o, h, w, kernel, {1}, reach, dilation, stride};
  }
};

namespace detail {

/// Weights of all groups as the tile reads them: (group, panel of NR columns, KH, KW, inner, NR),
/// where weight_at(group, column, i, j, inner) knows which is which.
template <class T, class WeightAt>
Tensor<T> pack_weights(Index groups, Index columns, Size2d kernel, Index inner,
                       const WeightAt& weight_at) {
  constexpr Index nr = Tile<T>::columns;
  const Index panels = (columns + nr - 1) / nr;
  Tensor<T> packed({groups, panels, kernel.h * kernel.w * inner, nr});
  T* const all = packed.mutable_data();
  parallel_for(groups * panels, 1, [&](Index job, Index) {
    T* to = all + job * kernel.h * kernel.w * inner * nr;
    const Index n0 = job % panels * nr;
    for (Index i = 0; i < kernel.h; ++i) {
      for (Index j = 0; j < kernel.w; ++j) {
        for (Index k = 0; k < inner; ++k, to += nr) {
          for (Index column = 0; column < nr; ++column) {
            to[column] = n0 + column < columns ? weight_at(job / panels, n0 + column, i, j, k) : 0;
          }
        }
      }
    }
  });
  return packed;
}

/// One group of one band: to (pixels, columns of the group) = band * packed weights.
template <class T>
void convolve_band(const ConvBand<T>& band, const T* packed, Index columns, const T* bias, T* to,
                   Index to_stride, bool accumulate) {
  using R = Tile<T>;
  const Index depth = band.depth();
  for (Index n0 = 0; n0 < columns; n0 += R::columns, packed += depth * R::columns) {
    for (Index p0 = 0; p0 < band.pixels(); p0 += R::rows) {
      const Index rows = std::min(R::rows, band.pixels() - p0);
      const T* pointers[R::rows];
      for (Index i = 0; i < R::rows; ++i) {
        pointers[i] = band.pixel(p0 + std::min(i, rows - 1));
      }
      T* const target = to + p0 * to_stride + n0;
      const auto start = accumulate ? TileStart<T>{target, to_stride}
                                    : TileStart<T>{bias ? bias + n0 : nullptr, 0};
      gemm_rim_tile<T>(pointers, band.runs(), packed, start, target, to_stride, rows,
                       std::min(R::columns, columns - n0));
    }
  }
}

/// to (N, out_h, out_w, groups * columns) = from seen through the window, times packed weights.
template <class T>
void convolve(const ConvWindow& window, Index n, Index groups, Index columns, const T* from,
              const T* packed, const T* bias, T* to, bool accumulate) {
  const Index bands = window.bands();
  const Index packed_group = (columns + Tile<T>::columns - 1) / Tile<T>::columns *
                             Tile<T>::columns * window.kernel.h * window.kernel.w *
                             (window.c / groups);
  parallel_for(n * bands, 1, [&](Index job, Index) {
    ConvBand<T> band(window, window.c / groups, job % bands);
    const Index image = job / bands;
    T* const out = to + (image * window.out_h + band.first_row()) * window.out_w * groups * columns;
    for (Index g = 0; g < groups; ++g) {
      band.fill(from + image * window.h * window.w * window.c, g);
      convolve_band(band, packed + g * packed_group, columns, bias ? bias + g * columns : nullptr,
                    out + g * columns, groups * columns, accumulate);
    }
  });
}

}  // namespace detail

/// y = x * weight + bias; the bias may be null.
template <class T>
void conv2d_forward(const Conv2dDims& d, const T* x, const T* weight, const T* bias, T* y) {
  const auto packed = detail::pack_weights<T>(
      d.groups, d.group_o(), d.kernel, d.group_c(),
      [&](Index g, Index o, Index i, Index j, Index c) {
        return weight[(((g * d.group_o() + o) * d.group_c() + c) * d.kernel.h + i) * d.kernel.w + j];
      });
  detail::convolve(d.forward_window(), d.n, d.groups, d.group_o(), x, packed.data(), bias, y, false);
}

/// dx = dy * weight turned by half a turn, with the roles of the channels exchanged.
template <class T>
void conv2d_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const auto packed = detail::pack_weights<T>(
      d.groups, d.group_c(), d.kernel, d.group_o(),
      [&](Index g, Index c, Index i, Index j, Index o) {
        return weight[(((g * d.group_o() + o) * d.group_c() + c) * d.kernel.h + d.kernel.h - 1 - i) *
                          d.kernel.w +
                      d.kernel.w - 1 - j];
      });
  detail::convolve<T>(d.backward_window(), d.n, d.groups, d.group_c(), dy, packed.data(), nullptr,
                      dx.data(), dx.accumulate);
}

CNNRNN_KERNELS_END
