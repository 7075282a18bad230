#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The upper half of a float: a sign, 8 bits of exponent, 7 of fraction. It holds numbers of the
/// size of floats to between two and three digits, in half the memory.
///
/// A number is computed with as a float, which it becomes by itself; arithmetic on two of them
/// gives a float. The way back rounds and has to be asked for, `bfloat16(x)`, so no sum is rounded
/// at each step by accident.
struct bfloat16 {      // NOLINT: in lower case as the number types of C++ are
  std::uint16_t bits;  ///< as in memory and in files

  bfloat16() = default;

  /// The nearest to a number, of two as near the even one; beyond the largest, infinity. What is
  /// not a number stays so. A number of more than 53 bits counts as the nearest double.
  template <class Number>
  requires std::is_arithmetic_v<Number>
  constexpr explicit bfloat16(Number number) : bits(rounded(to_float(number))) {}

  /// Could be taken for the bits: say which, by from_bits or by a conversion.
  explicit bfloat16(std::uint16_t) = delete;

  /// The number with these bits.
  static constexpr bfloat16 from_bits(std::uint16_t bits) { return std::bit_cast<bfloat16>(bits); }

  /// The nearest to a float: the same as bfloat16(number).
  static constexpr bfloat16 nearest(float number) { return bfloat16(number); }

  /// The same number.
  constexpr operator float() const {  // NOLINT: it is exact
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
  }

 private:
  static constexpr std::uint16_t rounded(float number) {
    const auto whole = std::bit_cast<std::uint32_t>(number);
    const std::uint32_t half = 0x7fffU + ((whole >> 16) & 1U);
    const bool is_nan = (whole & 0x7fffffffU) > 0x7f800000U;
    return static_cast<std::uint16_t>((is_nan ? whole | 0x400000U : whole + half) >> 16);
  }

  /// A float that rounds to the same bfloat16 as the number itself: what lies beside the middle of
  /// two must not become the middle.
  template <class Number>
  static constexpr float to_float(Number number) {
    const auto single = static_cast<float>(number);
    if constexpr (!std::is_same_v<Number, float>) {
      const auto whole = std::bit_cast<std::uint32_t>(single);
      const auto exact = static_cast<double>(number);
      const auto found = static_cast<double>(single);
      if ((whole & 0xffffU) == 0x8000U && found != exact) {
        const bool outwards = found < 0 ? exact < found : exact > found;
        return std::bit_cast<float>(outwards ? whole + 1 : whole - 1);
      }
    }
    return single;
  }
};

/// Whether T is bfloat16, const or not.
template <class T>
inline constexpr bool is_bfloat16 = std::is_same_v<std::remove_const_t<T>, bfloat16>;

namespace detail {

template <class T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<bfloat16> {
  using type = float;
};

}  // namespace detail

/// What is computed and summed in where elements are T: T itself, and float for bfloat16.
template <class T>
using Accumulator = typename detail::AccumulatorOf<T>::type;

CNNRNN_NAMESPACE_END

/// The limits of bfloat16: those of float, but for what the fewer bits change.
template <>
class std::numeric_limits<cnnrnn::bfloat16>  // NOLINT: to be specialised for types of numbers
    : public std::numeric_limits<float> {
  using number = cnnrnn::bfloat16;

 public:
  static constexpr int digits = 8;        ///< bits of precision
  static constexpr int digits10 = 2;      ///< decimal digits that it keeps
  static constexpr int max_digits10 = 4;  ///< decimal digits that tell all numbers apart

  /// The smallest positive one that is not denormal.
  static constexpr number min() noexcept { return number::from_bits(0x0080); }
  /// The most negative.
  static constexpr number lowest() noexcept { return number::from_bits(0xff7f); }
  /// The largest.
  static constexpr number max() noexcept { return number::from_bits(0x7f7f); }
  /// From 1 to the next.
  static constexpr number epsilon() noexcept { return number::from_bits(0x3c00); }
  /// Infinity.
  static constexpr number infinity() noexcept { return number::from_bits(0x7f80); }
  /// Not a number.
  static constexpr number quiet_NaN() noexcept { return number::from_bits(0x7fc0); }
  /// Not a number, signalling.
  static constexpr number signaling_NaN() noexcept { return number::from_bits(0x7fa0); }
  /// The smallest positive one.
  static constexpr number denorm_min() noexcept { return number::from_bits(0x0001); }
};
