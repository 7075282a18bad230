#pragma once

// GCC 12 warns of uninitialised values inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "cnnrnn/core/simd.hpp"

// Products of bfloat16, two at a time. Two numbers side by side make a pair of 32 bits, which is
// what AVX512-BF16 multiplies: a vector of pairs with a vector of pairs into a vector of floats.

CNNRNN_KERNELS_BEGIN

/// Whether the machine multiplies pairs of bfloat16 in one instruction. Where it does not, floats
/// are multiplied as fast, and Winograd's algorithm with them.
#if defined(__AVX512BF16__) && !defined(EIGEN_DONT_VECTORIZE)
inline constexpr bool has_pair_products = true;
#else
inline constexpr bool has_pair_products = false;
#endif

namespace detail {

// The first and the second numbers of pairs as floats, and pairs of two vectors of such floats.

#if !defined(EIGEN_DONT_VECTORIZE) && defined(__SSE2__)

inline __m128 first_of_pairs(__m128 pairs) {
  return _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(pairs), 16));
}
inline __m128 second_of_pairs(__m128 pairs) {
  const __m128i upper = _mm_set1_epi32(static_cast<int>(0xffff0000U));
  return _mm_and_ps(pairs, _mm_castsi128_ps(upper));
}
inline __m128 as_pairs(__m128 first, __m128 second) {
  return _mm_or_ps(_mm_castsi128_ps(_mm_srli_epi32(_mm_castps_si128(first), 16)), second);
}

#if defined(__AVX__)
inline __m256 first_of_pairs(__m256 pairs) {
#if defined(__AVX2__)
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16));
#else
  return _mm256_set_m128(first_of_pairs(_mm256_extractf128_ps(pairs, 1)),
                         first_of_pairs(_mm256_castps256_ps128(pairs)));
#endif
}
inline __m256 second_of_pairs(__m256 pairs) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000U));
  return _mm256_and_ps(pairs, _mm256_castsi256_ps(upper));
}
inline __m256 as_pairs(__m256 first, __m256 second) {
#if defined(__AVX2__)
  const __m256i lower = _mm256_srli_epi32(_mm256_castps_si256(first), 16);
  return _mm256_or_ps(_mm256_castsi256_ps(lower), second);
#else
  return _mm256_set_m128(
      as_pairs(_mm256_extractf128_ps(first, 1), _mm256_extractf128_ps(second, 1)),
      as_pairs(_mm256_castps256_ps128(first), _mm256_castps256_ps128(second)));
#endif
}
#endif

#if defined(__AVX512F__)
inline __m512 first_of_pairs(__m512 pairs) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16));
}
inline __m512 second_of_pairs(__m512 pairs) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), upper));
}
inline __m512 as_pairs(__m512 first, __m512 second) {
  const __m512i lower = _mm512_srli_epi32(_mm512_castps_si512(first), 16);
  return _mm512_castsi512_ps(_mm512_or_si512(lower, _mm512_castps_si512(second)));
}
#endif

#elif !defined(EIGEN_DONT_VECTORIZE) && defined(__ARM_NEON)

inline float32x4_t first_of_pairs(float32x4_t pairs) {
  return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(pairs), 16));
}
inline float32x4_t second_of_pairs(float32x4_t pairs) {
  const uint32x4_t upper = vdupq_n_u32(0xffff0000U);
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(pairs), upper));
}
inline float32x4_t as_pairs(float32x4_t first, float32x4_t second) {
  const uint32x4_t lower = vshrq_n_u32(vreinterpretq_u32_f32(first), 16);
  return vreinterpretq_f32_u32(vorrq_u32(lower, vreinterpretq_u32_f32(second)));
}

#endif

inline float first_of_pairs(float pairs) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(pairs) & 0xffffU) << 16);
}
inline float second_of_pairs(float pairs) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(pairs) & 0xffff0000U);
}
inline float as_pairs(float first, float second) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(first) >> 16 |
                              std::bit_cast<std::uint32_t>(second));
}

}  // namespace detail

/// Pairs of bfloat16, as many as a vector has floats. In memory a pair is two numbers side by side,
/// at any address that a bfloat16 may have, or a float with their bits.
struct Bfloat16Pairs {
  using Native = Packet<float>::Native;
  static constexpr Index width = Packet<float>::width;

  Native value;

  static Bfloat16Pairs load(const void* from) {
    Bfloat16Pairs pairs;
    std::memcpy(&pairs.value, from, sizeof(Native));
    return pairs;
  }
  /// The first `count` numbers, at most 2 width; zeros behind them.
  static Bfloat16Pairs load_partial(const bfloat16* from, Index count) {
#if !defined(EIGEN_DONT_VECTORIZE) && defined(__AVX512BW__)
    const auto numbers = static_cast<__mmask32>((std::uint64_t{1} << count) - 1U);
    return {_mm512_castsi512_ps(_mm512_maskz_loadu_epi16(numbers, from))};
#else
    std::array<bfloat16, 2 * static_cast<std::size_t>(width)> all{};
    std::copy_n(from, count, all.data());
    return load(all.data());
#endif
  }
  /// One pair in all lanes.
  static Bfloat16Pairs set(const void* pair) {
    float bits = 0;
    std::memcpy(&bits, pair, sizeof(bits));
    return {Packet<float>::set(bits).value};
  }
  /// The pairs of numbers that are bfloat16, of each vector one.
  static Bfloat16Pairs of(Packet<float> first, Packet<float> second) {
    return {detail::as_pairs(first.value, second.value)};
  }
  void store(void* to) const { std::memcpy(to, &value, sizeof(Native)); }
  void store_partial(bfloat16* to, Index count) const {
#if !defined(EIGEN_DONT_VECTORIZE) && defined(__AVX512BW__)
    const auto numbers = static_cast<__mmask32>((std::uint64_t{1} << count) - 1U);
    _mm512_mask_storeu_epi16(to, numbers, _mm512_castps_si512(value));
#else
    std::array<bfloat16, 2 * static_cast<std::size_t>(width)> all;
    store(all.data());
    std::copy_n(all.data(), count, to);
#endif
  }
};

/// a.first * b.first + (a.second * b.second + c), rounded after each addition: AVX512-BF16's
/// instruction to the bit where multiply_add rounds once and denormal numbers are flushed.
[[gnu::always_inline]] inline Packet<float> multiply_add(Bfloat16Pairs a, Bfloat16Pairs b,
                                                         Packet<float> c) {
#if defined(__AVX512BF16__) && !defined(EIGEN_DONT_VECTORIZE)
  return {_mm512_dpbf16_ps(c.value, std::bit_cast<__m512bh>(a.value),
                           std::bit_cast<__m512bh>(b.value))};
#else
  const Packet<float> second = multiply_add(Packet<float>{detail::second_of_pairs(a.value)},
                                            Packet<float>{detail::second_of_pairs(b.value)}, c);
  return multiply_add(Packet<float>{detail::first_of_pairs(a.value)},
                      Packet<float>{detail::first_of_pairs(b.value)}, second);
#endif
}

/// Exchanges rows and columns of a square of `width` vectors of pairs.
inline void transpose(std::array<Bfloat16Pairs, Bfloat16Pairs::width>& rows) {
  std::array<Packet<float>, Bfloat16Pairs::width> square;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    square[i].value = rows[i].value;
  }
  transpose<float>(square);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].value = square[i].value;
  }
}

/// Stores sums of such products as bfloat16, rounded to the nearest. They are no denormal numbers,
/// which the machine's own instruction would take for zero.
inline void store_sums(bfloat16* to, Packet<float> sums) {
#if defined(__AVX512BF16__) && !defined(EIGEN_DONT_VECTORIZE)
  const __m256bh rounded = _mm512_cvtneps_pbh(sums.value);
  std::memcpy(to, &rounded, sizeof(rounded));
#else
  sums.store(to);
#endif
}
inline void store_sums(float* to, Packet<float> sums) { sums.store(to); }

CNNRNN_KERNELS_END

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
