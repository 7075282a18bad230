#pragma once

#include <cstddef>

#include "cnnrnn/kernels/gemm/microkernel.hpp"

// The register tile of lane convolutions: R outputs of one pixel, a packet (L) of sequences each.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// Outputs of the largest register tile: as many sums as hide the latency of a multiply-add.
inline constexpr Index lane_rows = vector_registers == 32 ? 24 : 12;

/// Calls body(R, first) for the outputs in groups of R, a constant.
template <class Body>
void for_each_lane_group(Index outputs, const Body& body) {
  Index first = 0;
  take_rows<lane_rows>(first, outputs, body);
  take_rows<8>(first, outputs, body);
  take_rows<4>(first, outputs, body);
  take_rows<2>(first, outputs, body);
  take_rows<1>(first, outputs, body);
}

/// c (R, L) = bias (R) + the sum over `segments` stretches of `depth` steps each of a (depth, R) b
/// (depth, L). The bias may be null.
template <class T, Index R>
[[gnu::flatten, gnu::noinline]] void lane_tile(Index segments, Index depth, const T* a,
                                               Index a_step, const T* b, Index b_step,
                                               const T* bias, T* c) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(R)];
  unroll<R>([&](auto i) { sum[i] = bias != nullptr ? P::set(bias[i]) : P::zero(); });
  for (Index segment = 0; segment < segments; ++segment, a += a_step, b += b_step) {
    const T* rows = a;
    const T* packets = b;
    for (Index step = 0; step < depth; ++step, rows += R, packets += P::width) {
      const P packet = P::load(packets);
      unroll<R>([&](auto i) { sum[i] = multiply_add(P::set(rows[i]), packet, sum[i]); });
    }
  }
  unroll<R>([&](auto i) { sum[i].store(c + i * P::width); });
}

}  // namespace detail

CNNRNN_KERNELS_END
