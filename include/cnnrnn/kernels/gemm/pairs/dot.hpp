#pragma once

#include <cstddef>

#include "cnnrnn/kernels/gemm/grid.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"
#include "cnnrnn/kernels/gemm/pairs/tile.hpp"

// Products with few rows: every element is a scalar product of two stretches of memory, and nothing
// is packed.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// c (R, S) = the scalar products of R rows of a with S rows of b, each summed in the same order,
/// whatever R and S are.
template <Index R, Index S, class Out>
void pair_dot_tile(Index depth, const bfloat16* a, const bfloat16* b, const PairOutput<Out>& c) {
  using P = Packet<float>;
  P sums[static_cast<std::size_t>(R)][static_cast<std::size_t>(S)];
  unroll<R>([&](auto i) { unroll<S>([&](auto j) { sums[i][j] = P::zero(); }); });
  // A call would keep the sums in memory.
  const auto add = [&](const auto& load) CNNRNN_INLINE_LAMBDA {
    Bfloat16Pairs row_of_b[static_cast<std::size_t>(S)];
    unroll<S>([&](auto j) { row_of_b[j] = load(b + j * depth); });
    unroll<R>([&](auto i) {
      const Bfloat16Pairs row_of_a = load(a + i * depth);
      unroll<S>([&](auto j) { sums[i][j] = multiply_add(row_of_a, row_of_b[j], sums[i][j]); });
    });
  };
  constexpr Index step = 2 * P::width;
  Index k = 0;
  for (; k + step <= depth; k += step) {
    add([&](const bfloat16* row) { return Bfloat16Pairs::load(row + k); });
  }
  if (k < depth) {
    add([&](const bfloat16* row) { return Bfloat16Pairs::load_partial(row + k, depth - k); });
  }
  unroll<R>([&](auto i) {
    unroll<S>([&](auto j) {
      const PartLanes<float> one{j, 1};
      const P total = c.start(i, one) + P::set(sum(sums[i][j]));
      one.store(c.data + i * c.row_stride, c.end(total));
    });
  });
}

/// c (M, N) = a (M, K) times the transpose of b (N, K).
template <class Out>
void pair_dot_products(Index m, Index n, Index k, const bfloat16* a, const bfloat16* b,
                       const PairOutput<Out>& c) {
  for_each_gemm_part<float>(m, n, k, [&](Index m0, Index rows, Index n0, Index columns) {
    Index row = 0;
    const auto rows_of_c = [&](auto r, Index i) {
      Index column = 0;
      const auto tile = [&](auto s, Index j) {
        pair_dot_tile<r, s>(k, a + (m0 + i) * k, b + (n0 + j) * k, c.shifted(m0 + i, n0 + j));
      };
      take_rows<r == 1 ? 8 : 4>(column, columns, tile);
      take_rows<2>(column, columns, tile);
      take_rows<1>(column, columns, tile);
    };
    take_rows<4>(row, rows, rows_of_c);
    take_rows<2>(row, rows, rows_of_c);
    take_rows<1>(row, rows, rows_of_c);
  });
}

}  // namespace detail
CNNRNN_KERNELS_END
