#pragma once

#include <algorithm>

#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"
#include "cnnrnn/kernels/gemm/pack.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Rows that are multiplied next, each of them far from the one before, where the machine does not
/// see that they come: they are fetched while the tiles before them are computed.
template <class T>
struct RowsToCome {
  const T* data = nullptr;
  Index row_stride = 0;
  Index count = 0;
  Index depth = 0;

  /// The part of them that is fetched during one of `tiles`.
  void fetch(Index tile, Index tiles) const {
    const Index end = (tile + 1) * count / tiles;
    for (Index row = tile * count / tiles; row < end; ++row) {
      fetch_ahead(depth, data + row * row_stride);
    }
  }
};

/// How many tiles R rows take side by side: so few rows have too few sums in one to hide the
/// latency of a multiply-add, and want several streams of B from memory.
template <Index R>
inline constexpr Index tiles_abreast = R == 1                             ? 4
                                       : vector_registers == 32 && R == 2 ? 4
                                       : vector_registers == 32           ? (R == 4 ? 2 : 1)
                                                                          : (R == 2 ? 2 : 1);

/// R rows of the result, tile after tile.
template <Index R, class T>
void gemm_row_of_tiles(Index n, Index depth, const MatrixView<T>& a, const PanelsOfB<T>& b,
                       const GemmOutput<T>& c, const RowsToCome<T>& next) {
  constexpr Index nr = Tile<T>::columns;
  constexpr Index width = Packet<T>::width;
  static_assert(Tile<T>::vectors == 2);
  Index n0 = 0;
  const auto tile = [&](auto columns) {
    next.fetch(n0 / nr, (n + nr - 1) / nr);
    gemm_microkernel<R>(depth, a, PanelRows<T>{b.at(n0), b.row_stride, b.panel_stride}, columns,
                        c.shifted(0, n0));
  };
  if constexpr (constexpr Index abreast = tiles_abreast<R>; abreast > 1) {
    const bool packed = b.panel_stride != nr;  // in place, the tiles of a row are one stream anyway
    for (; packed && n0 + abreast * nr <= n; n0 += abreast * nr) {
      tile(TileColumns<T, 2 * abreast, false>{width});
    }
  }
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
/// two, and sixteen twice eight rather than twelve and four.
template <class T, class Body>
void for_each_row_group(Index m, const Body& body) {
  constexpr Index most = Tile<T>::rows;
  constexpr Index pair = most == 6 ? 8 : 16;
  const bool ends_in_pair = m > most && m % most == pair % most;
  Index row = 0;
  take_rows<most>(row, ends_in_pair ? m - pair : m, body);
  if constexpr (most > 8) {
    take_rows<8>(row, m, body);
  }
  take_rows<4>(row, m, body);
  take_rows<2>(row, m, body);
  take_rows<1>(row, m, body);
}

/// Rows a multiple of this apart have the elements of a column in one set of the first cache.
inline constexpr Index bytes_of_a_way = 4096;

/// Lines of a set that the first cache holds.
inline Index cache_ways() { return static_cast<Index>(Eigen::l1CacheSize()) / bytes_of_a_way; }

/// Whether the tiles of n columns read their rows of A from a copy: when the lines of the first
/// cache in which these lie would push out each other, or the panels of B.
template <class T>
bool copies_rows(Index n, const MatrixView<T>& a) {
  if (n <= Tile<T>::columns) {
    return false;
  }
  if (a.column_stride == 1) {
    const bool in_one_set = a.row_stride * static_cast<Index>(sizeof(T)) % bytes_of_a_way == 0;
    return in_one_set && Tile<T>::rows > cache_ways();
  }
  // Of a transposed A every step of the depth has a line of its own, or two or three.
  constexpr Index least_ways = 8;
  constexpr Index line = 64;
  constexpr bool lines_fit = GemmBlock<T>::depth * line <= least_ways * bytes_of_a_way / 2;
  return a.row_stride != 1 || (!lines_fit && n > 8 * Tile<T>::columns);
}

/// Whether the tiles of n columns leave time to fetch rows that come next, and these are so far
/// apart that no machine fetches one ahead for another: a page, which is as large as a way.
template <class T>
bool fetches_rows(Index n, const MatrixView<T>& a) {
  return n > Tile<T>::columns && a.column_stride == 1 &&
         a.row_stride * static_cast<Index>(sizeof(T)) >= bytes_of_a_way;
}

/// c (m, n) = a (m, depth) b, for one block of the depth; `next` are the first rows of the block
/// after it.
template <class T>
void gemm_block(Index m, Index n, Index depth, const MatrixView<T>& a, const PanelsOfB<T>& b,
                const GemmOutput<T>& c, const RowsToCome<T>& next = {}) {
  alignas(64) T copy[Tile<T>::rows * GemmBlock<T>::depth];
  const bool copies = copies_rows(n, a);
  const bool fetches = fetches_rows(n, a);
  for_each_row_group<T>(m, [&](auto rows, Index row) {
    const auto there = a.shifted(row, 0);
    const auto rows_of_a = copies ? copy_rows<rows>(depth, there, copy) : there;
    const Index left = std::min(Tile<T>::rows, m - row - rows);
    const auto to_come =
        left == 0 ? next : RowsToCome<T>{there.at(rows, 0), a.row_stride, left, depth};
    gemm_row_of_tiles<rows>(n, depth, rows_of_a, b, c.shifted(row, 0),
                            fetches ? to_come : RowsToCome<T>{});
  });
}

/// The first MR rows of gemm_block, which leave B's panels packed for the rest. B's rows are
/// contiguous, each far from the next: what it takes to reach them hides behind the products.
template <class T>
void gemm_packing_rows(Index n, Index depth, const MatrixView<T>& a, const MatrixView<T>& b,
                       T* panels, const GemmOutput<T>& c) {
  constexpr Index mr = Tile<T>::rows;
  constexpr Index nr = Tile<T>::columns;
  alignas(64) T copy[mr * GemmBlock<T>::depth];
  const auto rows_of_a = copies_rows(n, a) ? copy_rows<mr>(depth, a, copy) : a;
  const TileColumns<T, 2, false> whole{Packet<T>::width};
  Index n0 = 0;
  for (; n0 + nr <= n; n0 += nr) {
    const PackingRows<T> rows_of_b{b.at(0, n0), b.row_stride, panels + n0 * depth};
    gemm_microkernel<mr>(depth, rows_of_a, rows_of_b, whole, c.shifted(0, n0));
  }
  if (n0 < n) {
    T* const last = panels + n0 * depth;
    pack_panel(depth, n - n0, b.shifted(0, n0), last);
    gemm_row_of_tiles<mr>(n - n0, depth, rows_of_a, {last, nr * depth, nr}, c.shifted(0, n0), {});
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
