#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cnnrnn/core/packet_functions.hpp"

/// e^x, 1 / (1 + e^-x) and tanh x of packets, and of wider numbers, which are exact beside those.
inline constexpr auto exp_of = [](auto x) {
  using std::exp;
  return exp(x);
};
inline constexpr auto tanh_of = [](auto x) {
  using std::tanh;
  return tanh(x);
};
inline constexpr auto sigmoid_of = [](auto x) {
  if constexpr (std::is_floating_point_v<decltype(x)>) {
    return 1 / (1 + std::exp(-x));
  } else {
    return sigmoid(x);
  }
};

template <class T>
using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/// |actual - exact| over the distance of the numbers of T around `exact`, an ulp. What overflows
/// must be infinity, and what is below the smallest normal number may be anything of its sign from
/// 0 to it.
template <class T>
double error_in_ulps(T actual, Wider<T> exact) {
  using Limits = std::numeric_limits<T>;
  if (std::isinf(static_cast<T>(exact)) || !std::isfinite(actual)) {
    return actual == static_cast<T>(exact) ? 0 : std::numeric_limits<double>::infinity();
  }
  const bool same_sign = actual == 0 || std::signbit(actual) == std::signbit(exact);
  if (same_sign && std::abs(exact) < Limits::min() && std::abs(actual) <= Limits::min()) {
    return 0;
  }
  int exponent = 0;
  std::frexp(exact, &exponent);
  const auto ulp =
      std::ldexp(Wider<T>(1), std::max(exponent, Limits::min_exponent) - Limits::digits);
  return static_cast<double>(std::abs(actual - exact) / ulp);
}

template <class T>
struct WorstUlps {
  double error = 0;
  T at = 0;
};

/// The largest error of function(packet) against function(wider number): for every `step`-th of the
/// bit patterns from 0 to infinity, and the same below 0, so for numbers of every size.
template <class T, class Function>
WorstUlps<T> worst_ulps(const Function& function, std::uint64_t step) {
  using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
  using P = cnnrnn::kernels::Packet<T>;
  constexpr auto width = static_cast<std::size_t>(P::width);
  constexpr auto infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  WorstUlps<T> worst;
  for (std::uint64_t first = 0; first < infinity; first += width * step) {
    for (const T sign : {T(1), T(-1)}) {
      std::array<T, width> x{};
      std::array<T, width> y{};
      for (std::size_t lane = 0; lane < width; ++lane) {
        const std::uint64_t bits = std::min<std::uint64_t>(infinity, first + lane * step);
        x[lane] = sign * std::bit_cast<T>(static_cast<Bits>(bits));
      }
      function(P::load(x.data())).store(y.data());
      for (std::size_t lane = 0; lane < width; ++lane) {
        const double error = error_in_ulps<T>(y[lane], function(static_cast<Wider<T>>(x[lane])));
        worst = error > worst.error ? WorstUlps<T>{error, x[lane]} : worst;
      }
    }
  }
  return worst;
}
