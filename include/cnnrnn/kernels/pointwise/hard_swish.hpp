#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"
#include "cnnrnn/kernels/pointwise/hard_sigmoid.hpp"

CNNRNN_KERNELS_BEGIN

/// x s with s = min(max(x + 3, 0), 6) / 6; NaN stays NaN
template <class T>
Packet<T> hard_swish(Packet<T> x) {
  return x * hard_sigmoid(x);
}

/// dy (x / 3 + 1 / 2) where |x| < 3; above it dy, below it 0
template <class T>
Packet<T> hard_swish_gradient(Packet<T> x, Packet<T> dy) {
  const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
  const auto inside = multiply_add(x, constant(1.0 / 3), constant(0.5));
  const auto upper = select_less(x, constant(3), inside, constant(1));
  return dy * select_less(constant(-3), x, upper, constant(0));
}

/// y = x s
template <class T>
void hard_swish_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), hard_swish(lanes.load(x.data()))); });
}

/// dx = dy (x / 3 + 1 / 2) where |x| < 3; above it dy, below it 0; dx may be dy
template <class T>
void hard_swish_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [&](auto lanes) {
    return hard_swish_gradient(lanes.load(x.data()), lanes.load(dy.data()));
  });
}

CNNRNN_KERNELS_END
