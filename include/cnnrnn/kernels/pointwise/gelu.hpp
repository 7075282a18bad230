#pragma once

#include <cmath>
#include <numbers>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

//   P(x) = (1 + erf(x / sqrt 2)) / 2   the normal distribution
//   p(x) = e^(-x^2 / 2) / sqrt(2 pi)   its density

CNNRNN_KERNELS_BEGIN

namespace detail {

// erfc keeps its digits for negative x, where 1 + erf would cancel.
template <class T>
T normal_distribution(T x) {
  return T(0.5) * std::erfc(-x * (std::numbers::sqrt2_v<T> / 2));
}

template <class T>
T normal_density(T x) {
  constexpr T factor = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
  return factor * std::exp(T(-0.5) * x * x);
}

/// u = sqrt(2 / pi) (x + 0.044715 x^3), so that (1 + tanh u) / 2 is nearly P(x), and du/dx.
template <class T>
struct GeluArgument {
  Packet<T> u, slope;

  explicit GeluArgument(Packet<T> x) {
    const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
    const auto square = x * x;
    const auto factor = constant(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    u = factor * x * multiply_add(constant(0.044715), square, constant(1));
    slope = factor * multiply_add(constant(3 * 0.044715), square, constant(1));
  }
};

}  // namespace detail

/// y = x P(x)
template <class T>
void gelu_forward(std::span<const T> x, std::span<T> y) {
  for_each_element(x.size(),
                   [&](std::size_t i) { y[i] = x[i] * detail::normal_distribution(x[i]); });
}

/// dx = dy (P(x) + x p(x))
template <class T>
void gelu_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient(dx, [&](std::size_t i) {
    return dy[i] * (detail::normal_distribution(x[i]) + x[i] * detail::normal_density(x[i]));
  });
}

/// y = x (1 + tanh u) / 2
template <class T>
void gelu_tanh_forward(std::span<const T> x, std::span<T> y) {
  const auto half = Packet<T>::set(T(0.5));
  for_each_packet<T>(x.size(), [&](auto lanes) {
    const auto x_i = lanes.load(x.data());
    const auto half_x = half * x_i;
    lanes.store(y.data(), multiply_add(half_x, tanh(detail::GeluArgument<T>(x_i).u), half_x));
  });
}

/// dx = dy ((1 + tanh u) + x (1 - tanh^2 u) du/dx) / 2
template <class T>
void gelu_tanh_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  const auto half = Packet<T>::set(T(0.5));
  const auto one = Packet<T>::set(T(1));
  store_gradient_packets(dx, [&](auto lanes) {
    const auto x_i = lanes.load(x.data());
    const detail::GeluArgument<T> argument(x_i);
    const auto t = tanh(argument.u);
    const auto slope = multiply_add(x_i * argument.slope, one - t * t, one + t);
    return half * lanes.load(dy.data()) * slope;
  });
}

CNNRNN_KERNELS_END
