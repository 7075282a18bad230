#pragma once

// GCC 12 warns of uninitialised values inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument
#endif

#include <array>
#include <limits>
#include <type_traits>

#include "cnnrnn/core/simd.hpp"

// e^a, the sigmoid and tanh of packets, within 2 ulp of the exact value for every argument (see
// docs/numerics.md). An ulp is the distance of the numbers of T around the exact value. Results
// below the smallest normal number may be anything from 0 to it; NaN stays NaN. Always inline: a
// call would put the packets that its caller works on in memory.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// value * 2^power for whole numbers `power` from -2000 to 2000, infinity where it overflows.
template <class T>
[[gnu::always_inline]] inline Packet<T> scale_by_power(Packet<T> value, Packet<T> power) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float> && Packet<T>::width == 16) {
    return {_mm512_scalef_ps(value.value, power.value)};
  } else if constexpr (std::is_same_v<T, double> && Packet<T>::width == 8) {
    return {_mm512_scalef_pd(value.value, power.value)};
  }
#endif
  return {Eigen::internal::pldexp(value.value, power.value)};
}

/// e^r = 1 + r + r^2 q(r) for |r| <= ln(2) / 2: coefficients of q, highest power first. For float
/// those of Cephes' expf (Moshier 1989), for double 1/13!, 1/12!, ... 1/2!.
template <class T>
constexpr auto exp_coefficients() {
  if constexpr (std::is_same_v<T, float>) {
    return std::array<T, 6>{1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                            4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F};
  } else {
    std::array<T, 12> result{};
    T factorial = 1;
    for (std::size_t k = 2; k <= 13; ++k) {
      factorial *= static_cast<T>(k);
      result[13 - k] = 1 / factorial;
    }
    return result;
  }
}

/// The value at x of a polynomial, its coefficients highest power first.
template <class T, std::size_t N>
[[gnu::always_inline]] inline Packet<T> polynomial(Packet<T> x,
                                                   const std::array<T, N>& coefficients) {
  auto sum = Packet<T>::set(coefficients[0]);
  unroll<static_cast<Index>(N) - 1>([&](auto k) {
    sum = multiply_add(sum, x, Packet<T>::set(coefficients[static_cast<std::size_t>(k) + 1]));
  });
  return sum;
}

/// e^a for |a| below 1000.
template <class T>
[[gnu::always_inline]] inline Packet<T> exp_in_range(Packet<T> a) {
  if constexpr (Packet<T>::width == 1) {
    return {Eigen::internal::pexp(a.value)};
  } else {
    const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
    constexpr bool single = std::is_same_v<T, float>;
    // ln 2 in two parts, the first of so few bits that its multiples are exact.
    const auto high = constant(single ? 0.693359375 : 6.93145751953125e-1);
    const auto low = constant(single ? -2.12194440e-4 : 1.42860682030941723212e-6);
    const auto power = floor(multiply_add(a, constant(1.44269504088896340736), constant(0.5)));
    const auto minus_power = Packet<T>::zero() - power;
    const auto r = multiply_add(minus_power, low, multiply_add(minus_power, high, a));
    const auto e = constant(1) + multiply_add(r * r, polynomial(r, exp_coefficients<T>()), r);
    return scale_by_power(e, power);
  }
}

/// Beyond +-exp_range e^a is infinity or rounds to 0.
template <class T>
inline constexpr T exp_range = std::is_same_v<T, float> ? T(104) : T(750);

/// e^-|a|
template <class T>
[[gnu::always_inline]] inline Packet<T> exp_of_minus_abs(Packet<T> a) {
  return exp_in_range(max(Packet<T>::zero() - abs(a), Packet<T>::set(-exp_range<T>)));
}

/// tanh a / a - 1 over s = a^2, for |a| <= 0.625 (Cephes, tanhf.c and tanh.c).
template <class T>
[[gnu::always_inline]] inline Packet<T> tanh_near_zero(Packet<T> s) {
  if constexpr (std::is_same_v<T, float>) {
    return polynomial(s, std::array<T, 5>{-5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F,
                                          1.33314422036e-1F, -3.33332819422e-1F});
  } else {
    return polynomial(s, std::array<T, 3>{-9.64399179425052238628e-1, -9.92877231001918586564e1,
                                          -1.61468768441708447952e3}) /
           polynomial(s, std::array<T, 4>{1, 1.12811678491632931402e2, 2.23548839060100448583e3,
                                          4.84406305325125486048e3});
  }
}

}  // namespace detail

/// e^a; above T's range infinity.
template <class T>
[[gnu::always_inline]] inline Packet<T> exp(Packet<T> a) {
  const auto range = Packet<T>::set(detail::exp_range<T>);
  return detail::exp_in_range(max(min(a, range), Packet<T>::zero() - range));
}

/// ln a by Eigen; -infinity at 0, NaN below.
template <class T>
[[gnu::always_inline]] inline Packet<T> log(Packet<T> a) {
  return {Eigen::internal::plog(a.value)};
}

/// 1 / (1 + e^-a), from e^-|a|, which is at most 1; what 1 + e^-|a| is rounded by is made good.
template <class T>
[[gnu::always_inline]] inline Packet<T> sigmoid(Packet<T> a) {
  const auto one = Packet<T>::set(T(1));
  const auto e = detail::exp_of_minus_abs(a);
  const auto sum = one + e;
  const auto rounded_by = (sum - one) - e;
  const auto y = select_less(a, Packet<T>::zero(), e, one) / sum;
  return multiply_add(y, rounded_by, y);
}

/// tanh a: near zero a polynomial or quotient of such, which keeps the relative error small where
/// 1 - 2 e / (1 + e), with e = e^-2|a|, would cancel.
template <class T>
[[gnu::always_inline]] inline Packet<T> tanh(Packet<T> a) {
  const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
  const auto s = a * a;
  const auto near_zero = multiply_add(a * s, detail::tanh_near_zero(s), a);
  const auto e = detail::exp_of_minus_abs(a + a);
  const auto away = constant(1) - (e + e) / (constant(1) + e);
  const auto signed_away = select_less(a, constant(0), constant(0) - away, away);
  return select_less(abs(a), constant(0.625), near_zero, signed_away);
}

CNNRNN_KERNELS_END

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
