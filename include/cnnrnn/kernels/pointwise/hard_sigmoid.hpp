#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// min(max(x + 3, 0), 6) / 6; NaN stays NaN
template <class T>
Packet<T> hard_sigmoid(Packet<T> x) {
  const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
  return min(max(x + constant(3), constant(0)), constant(6)) * constant(1.0 / 6);
}

/// dy / 6 where 0 < y < 1, else 0
template <class T>
Packet<T> hard_sigmoid_gradient(Packet<T> y, Packet<T> dy) {
  const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
  const auto inside = select_less(y, constant(1), dy * constant(1.0 / 6), constant(0));
  return select_less(constant(0), y, inside, constant(0));
}

/// y = min(max(x + 3, 0), 6) / 6
template <class T>
void hard_sigmoid_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(
      x.size(), [&](auto lanes) { lanes.store(y.data(), hard_sigmoid(lanes.load(x.data()))); });
}

/// dx = dy / 6 where 0 < y < 1; dx may be dy
template <class T>
void hard_sigmoid_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [&](auto lanes) {
    return hard_sigmoid_gradient(lanes.load(y.data()), lanes.load(dy.data()));
  });
}

CNNRNN_KERNELS_END
