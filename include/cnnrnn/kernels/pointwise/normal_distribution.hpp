#pragma once

#include <array>
#include <type_traits>

#include "cnnrnn/core/packet_functions.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// (a + 4) e^(a^2 / 2) P(-a) over (a - 4) / (a + 4), for a >= 0: coefficients, highest power first.
/// Interpolated in Chebyshev's nodes, for a up to normal_range; the relative error is 1.4e-8 for
/// float and 4e-17 for double. The form is that of Shepherd and Laframboise (1981) for erfc.
template <class T>
constexpr auto normal_tail_coefficients() {
  if constexpr (std::is_same_v<T, float>) {
    return std::array<T, 10>{-1.255583856e-4F, 1.889965194e-4F, 1.566881688e-3F,  -3.520972824e-3F,
                             -7.525402418e-3F, 6.040618551e-2F, -1.865233068e-1F, 3.871366831e-1F,
                             -6.078965941e-1F, 7.552851386e-1F};
  } else {
    return std::array<T, 23>{
        -9.6534254202285047e-10, 7.2695454790266895e-11,  1.392402399350171e-8,
        1.457859334703646e-8,    -7.6380820534904503e-8,  -1.5426320536771074e-7,
        2.6368248576407625e-7,   1.0198048518135173e-6,   -6.2513210404786802e-7,
        -5.9188927317632364e-6,  7.1500559592160987e-7,   3.5144181157760973e-5,
        -1.9078665316613574e-6,  -0.00023109481831937621, 0.00013334425401904912,
        0.0016308184418903596,   -0.0034796923622425333,  -0.007540188965593059,
        0.060396574890699464,    -0.18652185795969416,    0.38713740074221888,
        -0.60789664197189176,    0.75528513041575148};
  }
}

/// Beyond -normal_range P rounds to 0.
template <class T>
inline constexpr T normal_range = std::is_same_v<T, float> ? T(15) : T(39);

}  // namespace detail

/// The standard normal distribution P(x) = (1 + erf(x / sqrt 2)) / 2 and e^(-x^2 / 2), which is its
/// density times sqrt(2 pi), of packets. P is within 8 ulp of the exact value (see
/// docs/numerics.md); NaN stays NaN.
template <class T>
struct NormalDistribution {
  Packet<T> probability, exponential;

  [[gnu::always_inline]] explicit NormalDistribution(Packet<T> x) {
    const auto constant = [](double value) { return Packet<T>::set(static_cast<T>(value)); };
    const auto a = min(abs(x), Packet<T>::set(detail::normal_range<T>));
    const auto half_a = constant(-0.5) * a;
    const auto power = half_a * a;
    // What rounding left out of the power would be a relative error many times as large.
    const auto left_out = multiply_add(half_a, a, constant(0) - power);
    const auto e = detail::exp_in_range(power);
    exponential = multiply_add(e, left_out, e);
    const auto t = constant(1) / (a + constant(4));
    const auto q = multiply_add(constant(-8), t, constant(1));
    const auto tail =
        exponential * (t * detail::polynomial(q, detail::normal_tail_coefficients<T>()));
    probability = select_less(x, constant(0), tail, constant(1) - tail);
  }
};

CNNRNN_KERNELS_END
