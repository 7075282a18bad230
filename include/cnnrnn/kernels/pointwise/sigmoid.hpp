#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// y = 1 / (1 + e^-x)
template <class T>
void sigmoid_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), sigmoid(lanes.load(x.data()))); });
}

/// dx = dy y (1 - y)
template <class T>
void sigmoid_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  const auto one = Packet<Accumulator<T>>::set(1);
  store_gradient_packets(dx, [&](auto lanes) {
    const auto y_i = lanes.load(y.data());
    return lanes.load(dy.data()) * y_i * (one - y_i);
  });
}

CNNRNN_KERNELS_END
