#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// The direction d of `count` weights from their gradient dw and momentum b:
///   b = momentum b + (1 - momentum) dw,  d = b, or dw + momentum (b - dw) with Nesterov
template <class T>
void muon_direction(Index count, const T* dw, T* b, T* d, T momentum, bool nesterov) {
  constexpr Index block = 1 << 14;
  const auto keep = Packet<T>::set(momentum);
  parallel_for(count, block, [&](Index begin, Index end) {
    for_each_lanes<T>(end - begin, [=](auto lanes) {
      const auto g = lanes.load(dw + begin);
      const auto velocity = multiply_add(keep, lanes.load(b + begin) - g, g);
      lanes.store(b + begin, velocity);
      lanes.store(d + begin, nesterov ? multiply_add(keep, velocity - g, g) : velocity);
    });
  });
}

/// w = keep w - step_size d
template <class T>
void muon_step(Index count, const T* d, T* w, T keep, T step_size) {
  constexpr Index block = 1 << 14;
  parallel_for(count, block, [&](Index begin, Index end) {
    for_each_lanes<T>(end - begin, [=](auto lanes) {
      lanes.store(w + begin, Packet<T>::set(keep) * lanes.load(w + begin) -
                                 Packet<T>::set(step_size) * lanes.load(d + begin));
    });
  });
}

CNNRNN_KERNELS_END
