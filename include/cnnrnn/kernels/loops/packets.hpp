#pragma once

#include <cstddef>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// Calls body(lanes) for all elements, a packet at a time, in blocks on all threads; see
/// for_each_lanes. Cheap functions gain nothing over for_each_element: the compiler's vectors do.
template <class T, class Body>
void for_each_packet(std::size_t count, const Body& body) {
  using A = Accumulator<T>;
  constexpr Index block = 1 << 14;
  parallel_for(static_cast<Index>(count), block, [&](Index begin, Index end) {
    Index at = begin;
    for (; at + Packet<A>::width <= end; at += Packet<A>::width) {
      body(WholeLanes<A>{at});
    }
    if (at < end) {
      body(PartLanes<A>{at, end - at});
    }
  });
}

/// Stores value(lanes) in every element of a gradient, or adds it; does nothing if it is not
/// needed.
template <class T, class Value>
void store_gradient_packets(const GradientSpan<T>& dx, const Value& value) {
  for_each_packet<T>(dx.values.size(), [&](auto lanes) {
    lanes.store(dx.data(), dx.accumulate ? lanes.load(dx.data()) + value(lanes) : value(lanes));
  });
}

CNNRNN_KERNELS_END
