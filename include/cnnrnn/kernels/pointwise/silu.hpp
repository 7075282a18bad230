#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// x s with s = 1 / (1 + e^-x)
template <class T>
[[gnu::always_inline]] inline Packet<T> silu(Packet<T> x) {
  return x * sigmoid(x);
}

/// dy s (1 + x (1 - s))
template <class T>
[[gnu::always_inline]] inline Packet<T> silu_gradient(Packet<T> x, Packet<T> dy) {
  const auto one = Packet<T>::set(T(1));
  const auto s = sigmoid(x);
  return dy * s * multiply_add(x, one - s, one);
}

/// y = x s
template <class T>
void silu_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), silu(lanes.load(x.data()))); });
}

/// dx = dy s (1 + x (1 - s)); dx may be dy
template <class T>
void silu_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(
      dx, [&](auto lanes) { return silu_gradient(lanes.load(x.data()), lanes.load(dy.data())); });
}

CNNRNN_KERNELS_END
