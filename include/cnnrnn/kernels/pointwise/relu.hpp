#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// max(x, 0); with x first NaN stays NaN, so that a diverged network is seen
template <class T>
Packet<T> relu(Packet<T> x) {
  return max(x, Packet<T>::zero());
}

/// dy where y > 0, else 0
template <class T>
Packet<T> relu_gradient(Packet<T> y, Packet<T> dy) {
  const auto zero = Packet<T>::zero();
  return select_less(zero, y, dy, zero);
}

/// y = max(x, 0)
template <class T>
void relu_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(), [x = x.data(), y = y.data()](const auto& lanes) {
    lanes.store(y, relu(lanes.load(x)));
  });
}

/// dx = dy where y > 0; dx may be dy
template <class T>
void relu_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [y = y.data(), dy = dy.data()](const auto& lanes) {
    return relu_gradient(lanes.load(y), lanes.load(dy));
  });
}

CNNRNN_KERNELS_END
