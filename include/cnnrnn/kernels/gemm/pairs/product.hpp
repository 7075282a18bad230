#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/gemm/grid.hpp"
#include "cnnrnn/kernels/gemm/pairs/dot.hpp"
#include "cnnrnn/kernels/gemm/pairs/in_place.hpp"
#include "cnnrnn/kernels/gemm/pairs/pack.hpp"

// Matrix products of bfloat16. Each element is summed in float by one thread in one order, and
// rounded once.

CNNRNN_KERNELS_BEGIN

/// Up to how many rows of A do not use B often enough to pack it.
inline constexpr Index few_rows_of_pairs = 8;

/// Pointers to rows that are `stride` apart, as multiply_pairs takes them.
class PairRows {
 public:
  PairRows(Index m, const bfloat16* a, Index stride) : pointers_(m + Tile<float>::rows) {
    for (Index row = 0; row < m + Tile<float>::rows; ++row) {
      pointers_.data()[row] = a + std::clamp<Index>(m - 1, 0, row) * stride;
    }
  }

  const bfloat16* const* data() const { return pointers_.data(); }

 private:
  ThreadScratch<const bfloat16*> pointers_;
};

/// c (M, N) = a (M, K) times the packed B (K, N).
template <class Out>
void pair_product(Index m, Index n, Index k, const EvenRows& a, const float* b,
                  const PairOutput<Out>& c) {
  detail::for_each_gemm_part<float>(m, n, k, [&](Index m0, Index rows, Index n0, Index columns) {
    const PairRows pointers(rows, a.data() + m0 * a.stride(), a.stride());
    const Run run{0, a.stride()};
    multiply_pairs(rows, columns, std::span(&run, 1), pointers.data(), b + n0 * ((k + 1) / 2),
                   c.shifted(m0, n0));
  });
}

/// c (M, N) = a (M, K) times the transpose of b (N, K).
template <class Out>
void pair_product_transposed(Index m, Index n, Index k, const bfloat16* a, const bfloat16* b,
                             const PairOutput<Out>& c) {
  if (m <= few_rows_of_pairs) {
    detail::pair_dot_products(m, n, k, a, b, c);
    return;
  }
  const ThreadScratch<float> packed(packed_pairs(n, k));
  pack_pairs_transposed(n, k, b, k, packed.data());
  pair_product(m, n, k, EvenRows(m, k, a), packed.data(), c);
}

/// c (M, N) = a (M, K) b (K, N).
template <class Out>
void pair_product(Index m, Index n, Index k, const bfloat16* a, const bfloat16* b,
                  const PairOutput<Out>& c) {
  const EvenRows rows(m, k, a);
  if (m <= few_rows_of_pairs) {
    pair_product_in_place(m, n, k, rows, b, c);
    return;
  }
  const ThreadScratch<float> packed(packed_pairs(n, k));
  pack_pairs(n, k, b, n, packed.data());
  pair_product(m, n, k, rows, packed.data(), c);
}

/// c (M, N) = the transpose of a (K, M) times b (K, N).
template <class Out>
void pair_product_of_columns(Index m, Index n, Index k, const bfloat16* a, const bfloat16* b,
                             const PairOutput<Out>& c) {
  Tensor<bfloat16> rows({m, k + k % 2});
  constexpr Index block = 16;
  bfloat16* const to = rows.mutable_data();
  parallel_for(m, block, [&](Index begin, Index end) {
    transpose_pairs(end - begin, k, a + begin, m, to + begin * (k + k % 2), k + k % 2);
  });
  const ThreadScratch<float> packed(packed_pairs(n, k));
  pack_pairs(n, k, b, n, packed.data());
  pair_product(m, n, k, EvenRows(m, k + k % 2, to), packed.data(), c);
}

CNNRNN_KERNELS_END
