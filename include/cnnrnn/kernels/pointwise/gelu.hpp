#pragma once

#include <numbers>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"
#include "cnnrnn/kernels/pointwise/normal_distribution.hpp"

//   P(x) = (1 + erf(x / sqrt 2)) / 2   the normal distribution
//   p(x) = e^(-x^2 / 2) / sqrt(2 pi)   its density

CNNRNN_KERNELS_BEGIN

namespace detail {

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

/// x P(x)
template <class T>
[[gnu::always_inline]] inline Packet<T> gelu(Packet<T> x) {
  return x * NormalDistribution<T>(x).probability;
}

/// dy (P(x) + x p(x))
template <class T>
[[gnu::always_inline]] inline Packet<T> gelu_gradient(Packet<T> x, Packet<T> dy) {
  constexpr T factor = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
  const NormalDistribution<T> normal(x);
  const auto density = Packet<T>::set(factor) * normal.exponential;
  return dy * multiply_add(x, density, normal.probability);
}

/// x (1 + tanh u) / 2
template <class T>
[[gnu::always_inline]] inline Packet<T> gelu_tanh(Packet<T> x) {
  const auto half_x = Packet<T>::set(T(0.5)) * x;
  return multiply_add(half_x, tanh(detail::GeluArgument<T>(x).u), half_x);
}

/// dy ((1 + tanh u) + x (1 - tanh^2 u) du/dx) / 2
template <class T>
[[gnu::always_inline]] inline Packet<T> gelu_tanh_gradient(Packet<T> x, Packet<T> dy) {
  const auto one = Packet<T>::set(T(1));
  const detail::GeluArgument<T> argument(x);
  const auto t = tanh(argument.u);
  return Packet<T>::set(T(0.5)) * dy * multiply_add(x * argument.slope, one - t * t, one + t);
}

/// y = x P(x)
template <class T>
void gelu_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), gelu(lanes.load(x.data()))); });
}

/// dx = dy (P(x) + x p(x)); dx may be dy
template <class T>
void gelu_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(
      dx, [&](auto lanes) { return gelu_gradient(lanes.load(x.data()), lanes.load(dy.data())); });
}

/// y = x (1 + tanh u) / 2
template <class T>
void gelu_tanh_forward(std::span<const T> x, std::span<T> y) {
  for_each_packet<T>(x.size(),
                     [&](auto lanes) { lanes.store(y.data(), gelu_tanh(lanes.load(x.data()))); });
}

/// dx = dy ((1 + tanh u) + x (1 - tanh^2 u) du/dx) / 2; dx may be dy
template <class T>
void gelu_tanh_backward(std::span<const T> x, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient_packets(dx, [&](auto lanes) {
    return gelu_tanh_gradient(lanes.load(x.data()), lanes.load(dy.data()));
  });
}

CNNRNN_KERNELS_END
