#pragma once

#include <algorithm>
#include <cstddef>

#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

// The products of transformed inputs and weights, of a block of tiles for one panel of outputs.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// c (Rows, columns) = start + a b of one point: a (K / width, tiles, width), b (K, columns).
template <class T, Index Rows, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_product(Index k, const T* a, Index a_packet,
                                                      const T* b, TileStart<T> start, T* c) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) {
      sum[i][v] = start.data != nullptr ? P::load(start.data + i * start.row_stride + v * P::width)
                                        : P::zero();
    });
  });
  for (Index k0 = 0; k0 < k; k0 += P::width, a += a_packet) {
    const Index steps = std::min(P::width, k - k0);
    for (Index step = 0; step < steps; ++step, b += Vectors * P::width) {
      P row_of_b[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto v) { row_of_b[v] = P::load(b + v * P::width); });
      unroll<Rows>([&](auto i) {
        const P element_of_a = P::set(a[i * P::width + step]);
        unroll<Vectors>(
            [&](auto v) { sum[i][v] = multiply_add(element_of_a, row_of_b[v], sum[i][v]); });
      });
    }
  }
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) { sum[i][v].store(c + (i * Vectors + v) * P::width); });
  });
}

/// Rows of a register tile with `Vectors` packets of columns.
template <class T, Index Vectors>
inline constexpr Index winograd_rows = Tile<T>::rows* Tile<T>::vectors / Vectors;

/// Calls multiply(winograd_product of so many rows, first tile, rows) until all tiles are done, and
/// a few more where they do not fill a register tile.
template <class T, Index Vectors, class Multiply>
[[gnu::always_inline]] inline void for_winograd_steps(Index tiles, const Multiply& multiply) {
  constexpr Index rows = winograd_rows<T, Vectors>;
  constexpr Index third = rows / 3;
  for (Index t = 0, step = 0; t < tiles; t += step) {
    step = tile_step(tiles - t, third);
    multiply(step == rows        ? winograd_product<T, rows, Vectors>
             : step == 2 * third ? winograd_product<T, 2 * third, Vectors>
                                 : winograd_product<T, third, Vectors>,
             t, step);
  }
}

/// M of one panel for the tiles in the rows begin ... end, or what some of the channels add to it.
/// Adding the bias to the point (1, 1) of a tile adds it to all its outputs, because the second
/// column of A^T is ones.
template <class T, Index Vectors>
void winograd_products(const WinogradTiles& d, Index begin, Index end, Index k, const T* v,
                       const WinogradLayout& layout, const T* u, const T* bias, T* m, Index m_point,
                       bool accumulate) {
  constexpr Index columns = Vectors * Packet<T>::width;
  constexpr Index ones = Winograd::input + 1;
  const Index tiles = (end - begin) * d.columns();
  for (Index point = 0; point < Winograd::points; ++point) {
    for_winograd_steps<T, Vectors>(tiles, [&](auto product, Index t, Index) {
      T* const c = m + point * m_point + t * columns;
      product(
          k, v + point * layout.point + t * layout.tile, layout.packet, u + point * k * columns,
          accumulate ? TileStart<T>{c, columns} : TileStart<T>{point == ones ? bias : nullptr, 0},
          c);
    });
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
