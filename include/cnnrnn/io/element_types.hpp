#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cnnrnn/core/bfloat16.hpp"

// The element types of safetensors files that have no type in C++, and the names of all that can be
// read.

CNNRNN_NAMESPACE_BEGIN
namespace io {

/// IEEE 754 half precision: a sign, 5 bits of exponent, 10 of fraction. It is kept, and converted
/// to float or double, which hold all its values.
struct Float16 {
  std::uint16_t bits = 0;  ///< as in the file

  /// The number as one of another type.
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit operator T() const { return static_cast<T>(value()); }

  friend bool operator==(const Float16&, const Float16&) = default;

 private:
  float value() const {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1fU;
    const std::uint32_t fraction = bits & 0x3ffU;
    if (exponent == 0) {  // zero, or a number without a leading one
      const float size = static_cast<float>(fraction) * 0x1p-24F;
      return sign != 0 ? -size : size;
    }
    const std::uint32_t wide = exponent == 0x1fU ? 0xffU : exponent + (127 - 15);
    return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
  }
};

/// The type of BF16; see cnnrnn::bfloat16.
using BFloat16 = bfloat16;

/// A byte that should be 0 or 1: a bool read from a file could be neither.
enum class TruthByte : std::uint8_t { no, yes };

namespace detail {

/// The name of a type in a safetensors file.
template <class T>
inline constexpr const char* type_name = nullptr;
template <>
inline constexpr const char* type_name<double> = "F64";
template <>
inline constexpr const char* type_name<float> = "F32";
template <>
inline constexpr const char* type_name<Float16> = "F16";
template <>
inline constexpr const char* type_name<BFloat16> = "BF16";
template <>
inline constexpr const char* type_name<std::int64_t> = "I64";
template <>
inline constexpr const char* type_name<std::int32_t> = "I32";
template <>
inline constexpr const char* type_name<std::int16_t> = "I16";
template <>
inline constexpr const char* type_name<std::int8_t> = "I8";
template <>
inline constexpr const char* type_name<std::uint64_t> = "U64";
template <>
inline constexpr const char* type_name<std::uint32_t> = "U32";
template <>
inline constexpr const char* type_name<std::uint16_t> = "U16";
template <>
inline constexpr const char* type_name<std::uint8_t> = "U8";
template <>
inline constexpr const char* type_name<TruthByte> = "BOOL";

}  // namespace detail
}  // namespace io
CNNRNN_NAMESPACE_END
