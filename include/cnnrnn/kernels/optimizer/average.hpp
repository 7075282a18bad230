#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// average = average + share (w - average), of `count` numbers
template <class T>
void average_step(Index count, const T* w, T* average, T share) {
  constexpr Index block = 1 << 14;
  parallel_for(count, block, [&](Index begin, Index end) {
    for_each_lanes<T>(end - begin, [=](auto lanes) {
      const auto old = lanes.load(average + begin);
      lanes.store(average + begin,
                  multiply_add(Packet<T>::set(share), lanes.load(w + begin) - old, old));
    });
  });
}

CNNRNN_KERNELS_END
