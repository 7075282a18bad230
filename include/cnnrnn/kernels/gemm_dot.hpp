#pragma once

#include <cstddef>

#include "cnnrnn/kernels/gemm_microkernel.hpp"

// Products with few rows or columns, such as a dense layer at inference: every element is a scalar
// product of two stretches of memory, and nothing is packed, since little of it is used twice.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// c (R, S) = the scalar products of R rows of a with S columns of b, both contiguous. Each is
/// summed in the same order, whatever R and S are.
template <Index R, Index S, class T>
void gemm_dot_tile(Index depth, MatrixView<T> a, MatrixView<T> b, const GemmOutput<T>& c) {
  using P = Packet<T>;
  P sums[static_cast<std::size_t>(R)][static_cast<std::size_t>(S)];
  unroll<R>([&](auto i) { unroll<S>([&](auto j) { sums[i][j] = P::zero(); }); });
  const auto add = [&](const auto& load) {
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
void gemm_dot_columns(Index n, Index depth, MatrixView<T> a, MatrixView<T> b,
                      const GemmOutput<T>& c) {
  constexpr Index group = dot_columns<R>;
  Index column = 0;
  for (; column + group <= n; column += group) {
    gemm_dot_tile<R, group>(depth, a, b.shifted(0, column), c.shifted(0, column));
  }
  for (; column < n; ++column) {
    gemm_dot_tile<R, 1>(depth, a, b.shifted(0, column), c.shifted(0, column));
  }
}

/// All of the result, for at most four rows or columns.
template <class T>
void gemm_dot(Index m, Index n, Index depth, MatrixView<T> a, MatrixView<T> b,
              const GemmOutput<T>& c) {
  Index row = 0;
  const auto body = [&](auto rows, Index at) {
    gemm_dot_columns<rows>(n, depth, a.shifted(at, 0), b, c.shifted(at, 0));
  };
  take_rows<4>(row, m, body);
  take_rows<2>(row, m, body);
  take_rows<1>(row, m, body);
}

}  // namespace detail

CNNRNN_KERNELS_END
