#pragma once

#include <algorithm>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/gemm/block.hpp"
#include "cnnrnn/kernels/gemm/dot.hpp"
#include "cnnrnn/kernels/gemm/grid.hpp"

// The general matrix product. The shapes alone say which way an element is summed.
//
//   M, N, K   rows of the result, columns of the result, length of the sums

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The product of nothing: what the result starts from.
template <class T>
void gemm_empty(Index m, Index n, const GemmOutput<T>& c) {
  for (Index row = 0; row < m; ++row) {
    for (Index column = 0; column < n; ++column) {
      c.put(row, column, T(0));
    }
  }
}

/// Calls body(k0, length) for the blocks of the depth.
template <class Body>
void for_each_depth(Index k, Index block, const Body& body) {
  for (Index k0 = 0; k0 < k; k0 += block) {
    body(k0, std::min(block, k - k0));
  }
}

/// What stays in the second cache beside the rest.
template <class T>
inline constexpr Index cached_elements = (1 << 18) / static_cast<Index>(sizeof(T));

/// With few rows or columns nothing is used often enough to be packed.
template <class T>
bool is_dot_product(Index m, Index n, const MatrixView<T>& a, const MatrixView<T>& b) {
  return a.column_stride == 1 && b.row_stride == 1 && (m <= 8 || n <= 4);
}

/// Whether tiles read B where it is: its rows are contiguous, and a copy would cost more than it
/// saves, because few rows of A use it or because it stays in the second cache as it is.
template <class T>
bool reads_b_in_place(Index m, Index n, Index k, const MatrixView<T>& b) {
  const bool readable = b.column_stride == 1 && (Packet<T>::masked || n % Packet<T>::width == 0);
  return readable && (m <= 2 * Tile<T>::rows || n * k <= cached_elements<T>);
}

template <class T>
void gemm_in_place(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                   const GemmOutput<T>& c) {
  // With few rows the time is that of reading B: so many rows of it at a time as memory streams
  // well.
  const Index block = m <= 2 ? 8 : m <= 8 ? 64 : GemmBlock<T>::depth;
  for_each_depth(k, block, [&](Index k0, Index depth) {
    gemm_block(m, n, depth, a.shifted(0, k0), {b.at(k0, 0), Tile<T>::columns, b.row_stride},
               c.part(k0 == 0, k0 + depth == k));
  });
}

/// Packs a block of B at a time, which stays in the second cache: with the first rows of A if B's
/// rows are contiguous, else before them.
template <class T>
void gemm_packing(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                  const GemmOutput<T>& c) {
  using Block = GemmBlock<T>;
  const Index nr = n <= Packet<T>::width ? Packet<T>::width : Tile<T>::columns;
  const ThreadScratch<T> packed(std::min(k, Block::depth) *
                                std::min(Block::columns, round_up(n, nr)));
  T* const panels = packed.data();
  const bool packs_with_rows =
      b.column_stride == 1 && nr == Tile<T>::columns && m > 2 * Tile<T>::rows;
  const Index first = packs_with_rows ? Tile<T>::rows : 0;
  for (Index n0 = 0; n0 < n; n0 += Block::columns) {
    const Index columns = std::min(Block::columns, n - n0);
    for_each_depth(k, Block::depth, [&](Index k0, Index depth) {
      const auto part = c.shifted(0, n0).part(k0 == 0, k0 + depth == k);
      if (packs_with_rows) {
        gemm_packing_rows(columns, depth, a.shifted(0, k0), b.shifted(k0, n0), panels, part);
      } else {
        pack_block(depth, columns, b.shifted(k0, n0), panels, nr);
      }
      gemm_block(m - first, columns, depth, a.shifted(first, k0), {panels, nr * depth, nr},
                 part.shifted(first, 0));
    });
  }
}

/// Columns n0 ... n0 + n - 1 of B packed before. `after` is the A of the next product.
template <class T>
void gemm_packed(Index m, Index n0, Index n, const MatrixView<T>& a, const PackedB<T>& b,
                 const GemmOutput<T>& c, const T* after = nullptr) {
  using Block = GemmBlock<T>;
  for (Index j = 0; j < n; j += Block::columns) {
    const Index columns = std::min(Block::columns, n - j);
    for_each_depth(b.k(), Block::depth, [&](Index k0, Index depth) {
      const Index end = k0 + depth;
      const bool last = end == b.k();
      const bool last_of_all = last && j + columns == n;
      const T* const next = !last ? a.at(0, end) : last_of_all ? after : nullptr;
      gemm_block(m, columns, depth, a.shifted(0, k0), b.panels(n0 + j, k0),
                 c.shifted(0, j).part(k0 == 0, last),
                 RowsToCome<T>{next, a.row_stride, next != nullptr ? std::min(m, Tile<T>::rows) : 0,
                               std::min(Block::depth, last ? b.k() : b.k() - end)});
    });
  }
}

}  // namespace detail

/// c (M, N) = a (M, K) b (K, N), or added to c, or with a bias for every row. Each element is
/// summed by one thread in one order, so the result is the same for any number of threads. Either a
/// bias or `accumulate`, not both. `after`, if given, is the A (M, K) of the next product with this
/// B, with the same strides: its first rows are fetched while the last of these are multiplied.
template <class T>
void gemm(Index m, MatrixView<T> a, const PackedB<T>& b, const GemmOutput<T>& c,
          const T* after = nullptr) {
  if (b.k() == 0) {
    detail::gemm_empty(m, b.n(), c);
    return;
  }
  detail::for_each_gemm_part<T>(
      m, b.n(), b.k(), [&](Index m0, Index rows, Index n0, Index columns) {
        detail::gemm_packed(rows, n0, columns, a.shifted(m0, 0), b, c.shifted(m0, n0),
                            after != nullptr ? after + m0 * a.row_stride : nullptr);
      });
}

/// The same for a B that is used once.
template <class T>
void gemm(Index m, Index n, Index k, MatrixView<T> a, MatrixView<T> b, const GemmOutput<T>& c) {
  if (k == 0) {
    detail::gemm_empty(m, n, c);
    return;
  }
  const bool dot = detail::is_dot_product(m, n, a, b);
  const bool in_place = detail::reads_b_in_place(m, n, k, b);
  detail::for_each_gemm_part<T>(m, n, k, [&](Index m0, Index rows, Index n0, Index columns) {
    const auto way = dot        ? detail::gemm_dot<T>
                     : in_place ? detail::gemm_in_place<T>
                                : detail::gemm_packing<T>;
    way(rows, columns, k, a.shifted(m0, 0), b.shifted(0, n0), c.shifted(m0, n0));
  });
}

CNNRNN_KERNELS_END
