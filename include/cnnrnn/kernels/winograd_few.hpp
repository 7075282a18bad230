#pragma once

#include <algorithm>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm_operands.hpp"
#include "cnnrnn/kernels/winograd_tiles.hpp"

// Winograd's F(4x4, 3x3) of few channels, as the colours of an image, which would leave most of a
// packet empty and make short products.
//
//   V (points, tiles, 4, C)               pixels beside each other share packets
//   U (panels, columns of points, C, rows of points, columns)
//
// All pixels of a row are transformed as if a tile began there, and each fourth does. The products
// are made on the way into the transform of the outputs.

CNNRNN_KERNELS_BEGIN

/// Up to how many channels this way is the faster one.
inline bool winograd_has_few(Index channels) { return channels <= 6; }

namespace detail {

/// Brings together the pixels that a row of tiles reads: six rows of them, a pitch apart, where
/// what lies left and right of the image is zero already.
template <class T>
void copy_winograd_rows(const WinogradTiles& d, Index row, const T* x, Index pixels, Index pitch,
                        T* to) {
  const Index before = std::max<Index>(0, d.padding.w);
  const Index column = before - d.padding.w;
  const Index count = std::max<Index>(0, std::min(d.w - column, pixels - before)) * d.c;
  const T* const image = x + row / d.rows_of_image() * d.h * d.w * d.c;
  const Index first = row % d.rows_of_image() * Winograd::output - d.padding.h;
  to += before * d.c;
  for (Index i = first; i < first + Winograd::input && count > 0; ++i, to += pitch) {
    if (i >= 0 && i < d.h) {
      std::copy_n(image + (i * d.w + column) * d.c, count, to);
    } else {
      std::fill_n(to, count, T(0));
    }
  }
}

/// V of the tiles in the rows begin ... end of x (N, H, W, C).
template <class T>
void winograd_few_inputs(const WinogradTiles& d, Index begin, Index end, const T* x,
                         const WinogradLayout& layout, T* v) {
  constexpr Index width = Packet<T>::width;
  const Index row = d.columns() * layout.tile;
  const Index pixels = d.columns() * Winograd::output + Winograd::kernel - 1;
  const Index pitch = round_up(row, width) + (Winograd::input - 1) * d.c;
  Tensor<T> copy = Tensor<T>::zeros({Winograd::input * pitch});
  T* const rows = copy.mutable_data();
  for (Index tiles = begin; tiles < end; ++tiles, v += row) {
    copy_winograd_rows(d, tiles, x, pixels, pitch, rows);
    for (Index at = 0; at < row; at += width) {
      winograd_transform<T, WinogradInput>(rows + at, pitch, d.c, v + at,
                                           Winograd::input * layout.point, layout.point);
    }
  }
}

/// y = A^T M A of one tile and one packet of a panel's outputs, plus the bias unless it is null.
template <class T, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_few_tile(Index channels, const T* v, Index v_point,
                                                       const T* u, const T* bias, T* to,
                                                       Index to_row, Index to_column) {
  using P = Packet<T>;
  constexpr Index side = Winograd::input;
  constexpr Index columns = Vectors * P::width;
  const T* rows[side];
  unroll<side>([&](auto i) { rows[i] = v + i * side * v_point; });
  const auto products = [&](auto j) {
    Line<T, side> sums;
    unroll<side>([&](auto i) {
      constexpr bool takes_bias = i == 1 && j == 1;
      sums[i] = takes_bias && bias != nullptr ? P::load(bias) : P::zero();
    });
    for (Index c = 0; c < channels; ++c, u += side * columns) {
      unroll<side>([&](auto i) {
        sums[i] = multiply_add(P::set(rows[i][c]), P::load(u + i * columns), sums[i]);
      });
    }
    unroll<side>([&](auto i) { rows[i] += v_point; });
    return sums;
  };
  winograd_transform_lines<T, WinogradOutput>(products, to, to_row, to_column);
}

}  // namespace detail

CNNRNN_KERNELS_END
