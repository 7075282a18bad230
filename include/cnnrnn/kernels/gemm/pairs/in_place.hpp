#pragma once

#include <algorithm>
#include <cstddef>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/gemm/grid.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"
#include "cnnrnn/kernels/gemm/pairs/pack.hpp"

// Products of few rows with a B that is read where it lies: the time is that of reading it, and
// packing it would take longer.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// sums (R, `lanes` of N) += a times so many rows of b (K, N), pair by pair.
template <Index R, class Lanes>
void add_pairs_in_place(Index depth, const bfloat16* a, Index a_stride, const bfloat16* b, Index n,
                        const Lanes& lanes, float* sums) {
  Packet<float> sum[static_cast<std::size_t>(R)];
  unroll<R>([&](auto i) { sum[i] = lanes.load(sums + i * n); });
  for (Index k = 0; k < depth; k += 2) {
    const auto first = lanes.load(b + k * n);
    const auto second = k + 1 < depth ? lanes.load(b + (k + 1) * n) : Packet<float>::zero();
    const auto pairs = Bfloat16Pairs::of(first, second);
    unroll<R>([&](auto i) {
      sum[i] = multiply_add(Bfloat16Pairs::set(a + i * a_stride + k), pairs, sum[i]);
    });
  }
  unroll<R>([&](auto i) { lanes.store(sums + i * n, sum[i]); });
}

}  // namespace detail

/// c (M, N) = a (M, K) b (K, N), for few rows. So many rows of b at a time as memory streams well.
template <class Out>
void pair_product_in_place(Index m, Index n, Index k, const EvenRows& a, const bfloat16* b,
                           const PairOutput<Out>& c) {
  const ThreadScratch<float> scratch(m * n);
  float* const sums = scratch.data();
  constexpr Index block = 16;
  detail::for_each_gemm_part<float>(1, n, m * k, [&](Index, Index, Index n0, Index columns) {
    for_each_lanes<float>(columns, [&](const auto& lanes) {
      for (Index row = 0; row < m; ++row) {
        lanes.store(sums + row * n + n0, Packet<float>::zero());
      }
    });
    for (Index k0 = 0; k0 < k; k0 += block) {
      for_each_lanes<float>(columns, [&](const auto& lanes) {
        Index row = 0;
        const auto add = [&](auto rows, Index first) {
          detail::add_pairs_in_place<rows>(std::min(block, k - k0),
                                           a.data() + first * a.stride() + k0, a.stride(),
                                           b + k0 * n + n0, n, lanes, sums + first * n + n0);
        };
        detail::take_rows<8>(row, m, add);
        detail::take_rows<4>(row, m, add);
        detail::take_rows<2>(row, m, add);
        detail::take_rows<1>(row, m, add);
      });
    }
    const auto part = c.shifted(0, n0);
    for_each_lanes<float>(columns, [&](const auto& lanes) {
      for (Index row = 0; row < m; ++row) {
        const auto sum = part.start(row, lanes) + lanes.load(sums + row * n + n0);
        lanes.store(part.data + row * part.row_stride, part.end(sum));
      }
    });
  });
}

CNNRNN_KERNELS_END
