#pragma once

#include <algorithm>
#include <cstddef>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"

// Products with few rows or columns, such as a dense layer at inference: every element is a scalar
// product of two stretches of memory, and nothing is packed, since little of it is used twice.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// c (R, S) = the scalar products of R rows of a with S columns of b, both contiguous. Each is
/// summed in the same order, whatever R and S are.
template <Index R, Index S, class T>
void gemm_dot_tile(Index depth, const MatrixView<T>& a, const MatrixView<T>& b,
                   const GemmOutput<T>& c) {
  using P = Packet<T>;
  P sums[static_cast<std::size_t>(R)][static_cast<std::size_t>(S)];
  unroll<R>([&](auto i) { unroll<S>([&](auto j) { sums[i][j] = P::zero(); }); });
  // A call would keep the sums in memory.
  const auto add = [&](const auto& load) CNNRNN_INLINE_LAMBDA {
    P column_of_b[static_cast<std::size_t>(S)];
    unroll<S>([&](auto j) { column_of_b[j] = load(b.data + j * b.column_stride); });
    unroll<R>([&](auto i) {
      const P row_of_a = load(a.data + i * a.row_stride);
      unroll<S>([&](auto j) { sums[i][j] = multiply_add(row_of_a, column_of_b[j], sums[i][j]); });
    });
  };
  Index k = 0;
  for (; k + P::width <= depth; k += P::width) {
    add([&](const T* row) { return P::load(row + k); });
  }
  if (k < depth) {
    add([&](const T* row) { return P::load_partial(row + k, depth - k); });
  }
  unroll<R>([&](auto i) { unroll<S>([&](auto j) { c.put(i, j, sum(sums[i][j])); }); });
}

/// How many columns are summed side by side: enough streams of memory at a time, as many sums as
/// the registers hold.
template <Index R>
inline constexpr Index dot_columns = R == 1 ? 8 : 4;

template <Index R, class T>
void gemm_dot_columns(Index n, Index depth, const MatrixView<T>& a, const MatrixView<T>& b,
                      const GemmOutput<T>& c) {
  Index column = 0;
  const auto body = [&](auto columns, Index at) {
    gemm_dot_tile<R, columns>(depth, a, b.shifted(0, at), c.shifted(0, at));
  };
  take_rows<dot_columns<R>>(column, n, body);
  take_rows<2>(column, n, body);
  take_rows<1>(column, n, body);
}

/// Rows in a copy whose stride is no power of two: with those of b they would else fall into the
/// same sets of the first cache.
template <class T>
Tensor<T> spread_rows(Index m, Index depth, const MatrixView<T>& a) {
  const Index stride = depth + Packet<T>::width;
  Tensor<T> copy({m, stride});
  T* to = copy.mutable_data();
  for (Index row = 0; row < m; ++row, to += stride) {
    std::copy_n(a.at(row, 0), depth, to);
  }
  return copy;
}

/// All of the result.
template <class T>
void gemm_dot(Index m, Index n, Index depth, const MatrixView<T>& a, const MatrixView<T>& b,
              const GemmOutput<T>& c) {
  const bool spreads = m > 2 && m <= 8 && n > m;
  const Tensor<T> spread = spreads ? spread_rows(m, depth, a) : Tensor<T>();
  const auto rows_of_a = spreads ? MatrixView<T>{spread.data(), depth + Packet<T>::width, 1} : a;
  Index row = 0;
  const auto body = [&](auto rows, Index at) {
    gemm_dot_columns<rows>(n, depth, rows_of_a.shifted(at, 0), b, c.shifted(at, 0));
  };
  take_rows<4>(row, m, body);
  take_rows<2>(row, m, body);
  take_rows<1>(row, m, body);
}

}  // namespace detail

CNNRNN_KERNELS_END
