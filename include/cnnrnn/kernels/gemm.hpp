#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm_tile.hpp"

//   M, N, K   rows of the result, columns of the result, length of the sums

CNNRNN_KERNELS_BEGIN

/// A matrix in memory; its transpose is the same memory with the strides exchanged.
template <class T>
struct MatrixView {
  const T* data;
  Index row_stride;
  Index column_stride;

  const T* at(Index row, Index column) const {
    return data + row * row_stride + column * column_stride;
  }
  MatrixView transposed() const { return {data, column_stride, row_stride}; }
};

/// A row-major result, stored or added to, with an optional bias (N) for every row.
template <class T>
struct GemmOutput {
  T* data;
  Index row_stride;
  bool accumulate = false;
  const T* bias = nullptr;
};

/// Depth, rows and columns of what one thread works on at a time: its part of A and one panel of B
/// stay in the caches.
template <class T>
struct GemmBlock {
  static constexpr Index depth = 512;
  static constexpr Index rows = 8 * Tile<T>::rows;
  static constexpr Index columns = 8 * Tile<T>::columns;
};

inline Index round_up(Index count, Index to) { return (count + to - 1) / to * to; }

/// B (K, N) as the tile reads it: block after block of the depth, in it panel after panel of NR
/// columns (zeros past the last), in it row after row. Packed once, good for many products.
template <class T>
class PackedB {
 public:
  PackedB(Index n, Index k, MatrixView<T> b) : n_(n), k_(k), packed_({round_up(n, nr) * k}) {
    T* const to = packed_.mutable_data();
    const Index panels = round_up(n, nr) / nr;
    const Index depths = round_up(k, depth) / depth;
    parallel_for(panels * depths, 4, [&](Index begin, Index end) {
      for (Index block = begin; block < end; ++block) {
        pack_panel(b, block % panels * nr, block / panels * depth, to);
      }
    });
  }

  Index n() const { return n_; }
  Index k() const { return k_; }

  /// The panel of columns n0 ... n0 + NR - 1 from row k0 on; k0 is the begin of a depth block.
  const T* panel(Index n0, Index k0) const { return packed_.data() + position(n0, k0); }

 private:
  static constexpr Index nr = Tile<T>::columns;
  static constexpr Index depth = GemmBlock<T>::depth;

  Index position(Index n0, Index k0) const {
    return k0 * round_up(n_, nr) + n0 * std::min(depth, k_ - k0);
  }

  void pack_panel(MatrixView<T> b, Index n0, Index k0, T* packed) const {
    const Index columns = std::min(nr, n_ - n0);
    const Index rows = std::min(depth, k_ - k0);
    T* to = packed + position(n0, k0);
    for (Index row = 0; row < rows; ++row, to += nr) {
      const T* from = b.at(k0 + row, n0);
      for (Index column = 0; column < columns; ++column) {
        to[column] = from[column * b.column_stride];
      }
      std::fill(to + columns, to + nr, T(0));
    }
  }

  Index n_;
  Index k_;
  Tensor<T> packed_;
};

namespace detail {

/// Rows m0 ... m1 and columns n0 ... n1 of the result, over the depth block that begins at k0.
template <class T>
void gemm_block(Index m0, Index m1, Index n0, Index n1, Index k0, MatrixView<T> a,
                const PackedB<T>& b, const GemmOutput<T>& c) {
  using R = Tile<T>;
  const Run run{0, std::min(GemmBlock<T>::depth, b.k() - k0)};
  const bool adds = c.accumulate || k0 > 0;
  for (Index n = n0; n < n1; n += R::columns) {
    for (Index m = m0; m < m1; m += R::rows) {
      const Index rows = std::min(R::rows, m1 - m);
      const T* pointers[R::rows];
      for (Index i = 0; i < R::rows; ++i) {
        pointers[i] = a.at(m - m0 + std::min(i, rows - 1), 0);
      }
      T* const target = c.data + m * c.row_stride + n;
      const auto start = adds ? TileStart<T>{target, c.row_stride}
                              : TileStart<T>{c.bias ? c.bias + n : nullptr, 0};
      gemm_rim_tile(pointers, {&run, 1}, b.panel(n, k0), start, target, c.row_stride, rows,
                    std::min(R::columns, n1 - n));
    }
  }
}

/// Copies rows x depth of A so that each row is contiguous.
template <class T>
void copy_rows(MatrixView<T> a, Index rows, Index depth, T* to) {
  constexpr Index strip = 16;
  for (Index k0 = 0; k0 < depth; k0 += strip) {
    const Index k1 = std::min(depth, k0 + strip);
    for (Index row = 0; row < rows; ++row) {
      for (Index k = k0; k < k1; ++k) {
        to[row * depth + k] = *a.at(row, k);
      }
    }
  }
}

/// One job of the product: all of the depth for one block of rows and columns.
template <class T>
void gemm_job(Index m0, Index m1, Index n0, Index n1, MatrixView<T> a, const PackedB<T>& b,
              const GemmOutput<T>& c) {
  Tensor<T> copied;
  for (Index k0 = 0; k0 < b.k(); k0 += GemmBlock<T>::depth) {
    const Index depth = std::min(GemmBlock<T>::depth, b.k() - k0);
    MatrixView<T> block{a.at(m0, k0), a.row_stride, a.column_stride};
    if (a.column_stride != 1) {
      copied = copied.defined() ? copied : Tensor<T>({(m1 - m0) * GemmBlock<T>::depth});
      T* const rows = copied.mutable_data();
      copy_rows(block, m1 - m0, depth, rows);
      block = {rows, depth, 1};
    }
    gemm_block(m0, m1, n0, n1, k0, block, b, c);
  }
}

/// The product of nothing: what the result starts from.
template <class T>
void gemm_empty(Index m, Index n, const GemmOutput<T>& c) {
  for (Index row = 0; row < m && !c.accumulate; ++row) {
    for (Index column = 0; column < n; ++column) {
      c.data[row * c.row_stride + column] = c.bias ? c.bias[column] : T(0);
    }
  }
}

}  // namespace detail

/// c (M, N) = a (M, K) b (K, N), or added to c, or with a bias for every row. Each element is summed
/// by one thread in one order, so the result is the same for any number of threads. Either a bias or
/// `accumulate`, not both.
template <class T>
void gemm(Index m, MatrixView<T> a, const PackedB<T>& b, const GemmOutput<T>& c) {
  const Index n = b.n();
  if (b.k() == 0) {
    detail::gemm_empty(m, n, c);
    return;
  }
  const Index row_blocks = std::max<Index>(1, round_up(m, GemmBlock<T>::rows) / GemmBlock<T>::rows);
  const Index rows = round_up((m + row_blocks - 1) / row_blocks, Tile<T>::rows);
  const Index column_blocks = round_up(n, GemmBlock<T>::columns) / GemmBlock<T>::columns;
  parallel_for(row_blocks * column_blocks, 1, [&](Index job, Index) {
    const Index m0 = job / column_blocks * rows;
    const Index n0 = job % column_blocks * GemmBlock<T>::columns;
    if (m0 < m) {
      detail::gemm_job(m0, std::min(m, m0 + rows), n0, std::min(n, n0 + GemmBlock<T>::columns), a,
                       b, c);
    }
  });
}

/// The same for a B that is used once.
template <class T>
void gemm(Index m, Index n, Index k, MatrixView<T> a, MatrixView<T> b, const GemmOutput<T>& c) {
  gemm(m, a, PackedB<T>(n, k, b), c);
}

CNNRNN_KERNELS_END
