#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// min(max(x, 0), 6); NaN stays NaN
template <class T>
Packet<T> relu6(Packet<T> x) {
  return min(max(x, Packet<T>::zero()), Packet<T>::set(T(6)));
}

/// dy where 0 < y < 6, else 0
template <class T>
Packet<T> relu6_gradient(Packet<T> y, Packet<T> dy) {
  const auto zero = Packet<T>::zero();
  return select_less(zero, y, select_less(y, Packet<T>::set(T(6)), dy, zero), zero);
}

/// y = min(max(x, 0), 6)
template <class T>
void relu6_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), relu6(lanes.load(x.data()))); });
}

/// dx = dy where 0 < y < 6; dx may be dy
template <class T>
void relu6_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(
      dx, [&](auto lanes) { return relu6_gradient(lanes.load(y.data()), lanes.load(dy.data())); });
}

CNNRNN_KERNELS_END
