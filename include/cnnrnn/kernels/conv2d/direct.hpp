#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Columns of the panel from column n0 on: those of a tile, or of one packet if that holds the
/// rest.
template <class T>
Index panel_columns(Index n0, Index columns) {
  return columns - n0 <= Packet<T>::width ? Packet<T>::width : Tile<T>::columns;
}

/// Weights of all groups as the tile reads them: (group, panel, KH, KW, inner, columns of a panel),
/// where weight_at(group, column, i, j, inner) knows which is which.
template <class T, class WeightAt>
Tensor<T> pack_weights(Index groups, Index columns, Size2d kernel, Index inner,
                       const WeightAt& weight_at) {
  const Index panels = (columns + Tile<T>::columns - 1) / Tile<T>::columns;
  const Index depth = kernel.area() * inner;
  const Index group = round_up(columns, Packet<T>::width) * depth;
  Tensor<T> packed({groups, group});
  T* const all = packed.mutable_data();
  parallel_for(groups * panels, 1, [&](Index job, Index) {
    const Index n0 = job % panels * Tile<T>::columns;
    const Index nr = panel_columns<T>(n0, columns);
    T* to = all + job / panels * group + n0 * depth;
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
  for (Index n0 = 0; n0 < columns; n0 += R::columns) {
    const Index nr = panel_columns<T>(n0, columns);
    const auto tile = nr == R::columns ? gemm_rim_tile<T> : gemm_rim_tile<T, 1>;
    for (Index p0 = 0; p0 < band.pixels(); p0 += R::rows) {
      const Index rows = std::min(R::rows, band.pixels() - p0);
      const T* pointers[R::rows];
      band.pixels_from(p0, pointers);
      T* const target = to + p0 * to_stride + n0;
      const auto start = accumulate ? TileStart<T>{target, to_stride}
                                    : TileStart<T>{bias ? bias + n0 : nullptr, 0};
      tile(pointers, band.runs(), packed + n0 * band.depth(), start, target, to_stride, rows,
           std::min(nr, columns - n0));
    }
  }
}

/// to (N, out_h, out_w, groups * columns) = from seen through the window, times packed weights. A
/// block is a band.
template <class T>
void convolve(const ConvWindow& window, Index n, Index groups, Index columns, const T* from,
              const T* packed, const ConvOutput<T>& to) {
  const Index bands = window.bands<T>();
  const Index packed_group =
      round_up(columns, Packet<T>::width) * window.kernel.area() * (window.c / groups);
  parallel_for(n * bands, 1, [&](Index job, Index) {
    ConvBand<T> band(window, window.c / groups, job % bands);
    const Index image = job / bands;
    const Index begin = (image * window.out_h + band.first_row()) * window.out_w;
    T* const out = to.data + begin * to.channels;
    for (Index g = 0; g < groups; ++g) {
      band.fill(from + image * window.h * window.w * window.c, g);
      convolve_band(band, packed + g * packed_group, columns,
                    to.bias ? to.bias + g * columns : nullptr, out + g * columns, to.channels,
                    to.accumulate);
    }
    to.finish(job, begin, begin + band.pixels());
  });
}

/// The weights of y as the tile reads them, those of each output times its scale unless that is
/// null.
template <class T>
Tensor<T> direct_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  return pack_weights<T>(
      d.groups, d.group_o(), d.kernel, d.group_c(),
      [=](Index g, Index column, Index i, Index j, Index c) __attribute__((always_inline)) {
        const Index o = g * d.group_o() + column;
        const T value = weight[d.weight_at(o, c, i, j)];
        return scale != nullptr ? value * scale[o] : value;
      });
}

/// dx at stride one: y of dy, with weights turned by half a turn.
template <class T>
void direct_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  const auto packed = pack_weights<T>(
      d.groups, d.group_c(), d.kernel,
      d.group_o(), [=](Index g, Index c, Index i, Index j, Index k) __attribute__((always_inline)) {
        return weight[d.weight_at(g * d.group_o() + k, c, d.kernel.h - 1 - i, d.kernel.w - 1 - j)];
      });
  convolve(backward_window(d), d.n, d.groups, d.group_c(), dy, packed.data(),
           ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

}  // namespace detail

CNNRNN_KERNELS_END
