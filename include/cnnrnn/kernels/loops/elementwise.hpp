#pragma once

#include <cstddef>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

CNNRNN_KERNELS_BEGIN

/// Calls body(i) for every element, in blocks on all threads.
template <class Body>
void for_each_element(std::size_t count, const Body& body) {
  constexpr Index block = 1 << 14;
  parallel_for(static_cast<Index>(count), block, [&](Index begin, Index end) {
    const Body own = body;  // see for_each_lanes
    for (Index i = begin; i < end; ++i) {
      own(static_cast<std::size_t>(i));
    }
  });
}

/// Stores value(i) in every element of a gradient, or adds it; does nothing if it is not needed.
template <class T, class Value>
void store_gradient(const GradientSpan<T>& dx, const Value& value) {
  T* const to = dx.data();
  if (dx.accumulate) {
    for_each_element(dx.values.size(),
                     [=](std::size_t i) { to[i] = static_cast<T>(to[i] + value(i)); });
  } else {
    for_each_element(dx.values.size(), [=](std::size_t i) { to[i] = static_cast<T>(value(i)); });
  }
}

CNNRNN_KERNELS_END
