#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/gemm/pack.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The weights of one direction of a convolution: for each group (columns, inner, taps), where the
/// columns are the channels of the result, what is summed over is inner, and the taps of a weight
/// lie side by side.
template <class T>
struct TapWeights {
  const T* data;
  Index groups, columns, inner, taps;
  Index group_stride, column_stride, inner_stride;
  bool turned = false;       ///< by half a turn: the last tap comes first
  const T* scale = nullptr;  ///< (groups * columns): times each column's weights

  const T* at(Index group, Index column, Index k) const {
    return data + group * group_stride + column * column_stride + k * inner_stride;
  }
};

/// The weights (O, C / groups, taps) as a convolution reads them, those of each output times its
/// scale unless that is null.
template <class T>
TapWeights<T> forward_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  return {.data = weight,
          .groups = d.groups,
          .columns = d.group_o(),
          .inner = d.group_c(),
          .taps = d.taps(),
          .group_stride = d.weight_at(d.group_o(), 0, 0, 0),
          .column_stride = d.weight_at(1, 0, 0, 0),
          .inner_stride = d.taps(),
          .scale = scale};
}

/// The same as an input gradient reads them.
template <class T>
TapWeights<T> backward_weights(const Conv2dDims& d, const T* weight, Index taps) {
  return {.data = weight,
          .groups = d.groups,
          .columns = d.group_c(),
          .inner = d.group_o(),
          .taps = taps,
          .group_stride = d.group_o() * d.group_c() * taps,
          .column_stride = taps,
          .inner_stride = d.group_c() * taps,
          .turned = true};
}

/// A packet of columns from n0 on, to rows (taps, inner) that are `stride` apart.
template <class T>
void pack_strip(const TapWeights<T>& weights, Index group, Index n0, T* to, Index stride) {
  const Index columns = std::min(Packet<T>::width, weights.columns - n0);
  const T* const scale =
      weights.scale != nullptr ? weights.scale + group * weights.columns + n0 : nullptr;
  const Packet<T> factors =
      scale != nullptr ? Packet<T>::load_partial(scale, columns) : Packet<T>::set(T(1));
  const bool together = weights.inner_stride == weights.taps;
  const Index stretch = together ? weights.inner : 1;
  for (Index k0 = 0; k0 < weights.inner; k0 += stretch) {
    Index k = k0;
    Index tap = 0;
    for_each_transposed_row(stretch * weights.taps, columns, weights.at(group, n0, k0),
                            weights.column_stride, [&](Index, Packet<T> row) {
                              const Index place = weights.turned ? weights.taps - 1 - tap : tap;
                              (row * factors).store(to + (place * weights.inner + k) * stride);
                              tap = tap + 1 < weights.taps ? tap + 1 : 0;
                              k += tap == 0 ? 1 : 0;
                            });
  }
}

/// Weights of all groups as the tile reads them: (group, panel, taps, inner, columns of a panel).
template <class T>
Tensor<T> pack_weights(const TapWeights<T>& weights) {
  constexpr Index width = Packet<T>::width;
  const Index strips = (weights.columns + width - 1) / width;
  const Index depth = weights.taps * weights.inner;
  const Index group_size = strips * width * depth;
  Tensor<T> packed({weights.groups, group_size});
  T* const all = packed.mutable_data();
  parallel_for(weights.groups * strips, 1, [&](Index job, Index) {
    const Index group = job / strips;
    const Index column = job % strips * width;
    const Index n0 = column / Tile<T>::columns * Tile<T>::columns;
    pack_strip(weights, group, column, all + group * group_size + n0 * depth + (column - n0),
               panel_columns<T>(n0, weights.columns));
  });
  return packed;
}

}  // namespace detail

CNNRNN_KERNELS_END
