#pragma once

#include <array>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// x (N, P, C): N images of P pixels -> y (N, C)
struct GlobalPoolDims {
  Index n, p, c;
};

/// y = the mean over the pixels of an image
template <class T>
void global_avg_pool_forward(const GlobalPoolDims& d, const T* x, T* y) {
  using A = Accumulator<T>;
  const auto share = Packet<A>::set(A(1) / static_cast<A>(d.p));
  parallel_for(d.n, 1, [&](Index image, Index /*end*/) {
    const T* const from = x + image * d.p * d.c;
    T* const to = y + image * d.c;
    for_each_lanes_side_by_side<T>(d.c, [=](auto packets, const auto& lanes) {
      std::array<Packet<A>, packets> sums;
      unroll<Index{packets}>([&](auto v) { sums[v] = Packet<A>::zero(); });
      for (Index pixel = 0; pixel < d.p; ++pixel) {
        const T* const row = from + pixel * d.c;
        unroll<Index{packets}>([&](auto v) { sums[v] = sums[v] + lanes.beside(v).load(row); });
      }
      unroll<Index{packets}>([&](auto v) { lanes.beside(v).store(to, sums[v] * share); });
    });
  });
}

/// dx = dy / P
template <class T>
void global_avg_pool_backward(const GlobalPoolDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  using A = Accumulator<T>;
  const auto share = Packet<A>::set(A(1) / static_cast<A>(d.p));
  parallel_for(d.n, 1, [&](Index image, Index /*end*/) {
    const T* const from = dy + image * d.c;
    T* const to = dx.data() + image * d.p * d.c;
    for_each_lanes<T>(d.c, [=](const auto& lanes) {
      const auto gradient = lanes.load(from) * share;
      for (Index pixel = 0; pixel < d.p; ++pixel) {
        T* const target = to + pixel * d.c;
        lanes.store(target, dx.accumulate ? lanes.load(target) + gradient : gradient);
      }
    });
  });
}

CNNRNN_KERNELS_END
