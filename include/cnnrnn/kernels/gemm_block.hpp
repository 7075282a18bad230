#pragma once

#include "cnnrnn/kernels/gemm_microkernel.hpp"
#include "cnnrnn/kernels/gemm_pack.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// R rows of the result, tile after tile.
template <Index R, class T>
void gemm_row_of_tiles(Index n, Index depth, const MatrixView<T>& a, const PanelsOfB<T>& b,
                       const GemmOutput<T>& c) {
  constexpr Index nr = Tile<T>::columns;
  constexpr Index width = Packet<T>::width;
  static_assert(Tile<T>::vectors == 2);
  Index n0 = 0;
  const auto tile = [&](auto columns) {
    gemm_microkernel<R>(depth, a, b.at(n0), b.row_stride, columns, c.shifted(0, n0));
  };
  for (; n0 + nr <= n; n0 += nr) {
    tile(TileColumns<T, 2, false>{width});
  }
  const Index rest = n - n0;
  if (rest > width) {
    tile(TileColumns<T, 2, true>{rest - width});
  } else if (rest == width) {
    tile(TileColumns<T, 1, false>{width});
  } else if (rest > 0) {
    tile(TileColumns<T, 1, true>{rest});
  }
}

/// Calls body(R, row) for rows 0 ... m - 1 in groups of R: tiles of full height, then lower ones
/// that still hide the latency of a multiply-add. So eight rows are twice four rather than six and
/// two.
template <class T, class Body>
void for_each_row_group(Index m, const Body& body) {
  constexpr Index most = Tile<T>::rows;
  const bool ends_in_eight = most == 6 && m % most == 2 && m > most;
  Index row = 0;
  take_rows<most>(row, ends_in_eight ? m - 8 : m, body);
  if constexpr (most > 8) {
    take_rows<8>(row, m, body);
  }
  take_rows<4>(row, m, body);
  take_rows<2>(row, m, body);
  take_rows<1>(row, m, body);
}

/// Whether the tiles of n columns read their rows of A from a copy: when the lines of the first
/// cache in which these lie would push out each other, or the panels of B.
template <class T>
bool copies_rows(Index n, const MatrixView<T>& a) {
  constexpr Index ways = 8;
  constexpr Index bytes_of_a_way = 4096;
  constexpr Index line = 64;
  if (n <= Tile<T>::columns) {
    return false;
  }
  if (a.column_stride == 1) {
    return Tile<T>::rows > ways &&
           a.row_stride * static_cast<Index>(sizeof(T)) % bytes_of_a_way == 0;
  }
  // Of a transposed A every step of the depth has a line of its own, or two or three.
  constexpr bool lines_fit = GemmBlock<T>::depth * line <= ways * bytes_of_a_way / 2;
  return a.row_stride != 1 || (!lines_fit && n > 8 * Tile<T>::columns);
}

/// c (m, n) = a (m, depth) b, for one block of the depth.
template <class T>
void gemm_block(Index m, Index n, Index depth, const MatrixView<T>& a, const PanelsOfB<T>& b,
                const GemmOutput<T>& c) {
  alignas(64) T copy[Tile<T>::rows * GemmBlock<T>::depth];
  const bool copies = copies_rows(n, a);
  for_each_row_group<T>(m, [&](auto rows, Index row) {
    const auto there = a.shifted(row, 0);
    const auto rows_of_a = copies ? copy_rows<rows>(depth, there, copy) : there;
    gemm_row_of_tiles<rows>(n, depth, rows_of_a, b, c.shifted(row, 0));
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
