#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

CNNRNN_KERNELS_BEGIN

/// y = e^x
template <class T>
void exp_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), exp(lanes.load(x.data()))); });
}

/// dx = dy y; dx may be dy
template <class T>
void exp_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx,
                         [&](auto lanes) { return lanes.load(dy.data()) * lanes.load(y.data()); });
}

/// y = ln x
template <class T>
void log_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), log(lanes.load(x.data()))); });
}

/// dx = dy / x; dx may be dy
template <class T>
void log_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx,
                         [&](auto lanes) { return lanes.load(dy.data()) / lanes.load(x.data()); });
}

/// y = sqrt x
template <class T>
void sqrt_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), sqrt(lanes.load(x.data()))); });
}

/// dx = dy / (2 y); dx may be dy
template <class T>
void sqrt_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [&](auto lanes) {
    const auto root = lanes.load(y.data());
    return lanes.load(dy.data()) / (root + root);
  });
}

/// y = |x|
template <class T>
void abs_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), abs(lanes.load(x.data()))); });
}

/// dx = dy with the sign of x, 0 where x is 0; dx may be dy
template <class T>
void abs_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [&](auto lanes) {
    const auto zero = Packet<Accumulator<T>>::zero();
    const auto value = lanes.load(x.data());
    const auto slope = lanes.load(dy.data());
    return select_less(zero, value, slope, select_less(value, zero, zero - slope, zero));
  });
}

CNNRNN_KERNELS_END
