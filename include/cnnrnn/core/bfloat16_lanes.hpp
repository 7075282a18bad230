#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/core/eigen_headers.hpp"
#include "cnnrnn/core/shape.hpp"

// Numbers of bfloat16 in memory as the floats of a vector, and back, rounded to the nearest, of two
// as close the even one. By whole numbers where denormal numbers are among them: AVX512-BF16's own
// instruction takes these for zero, and results would depend on who has it.

CNNRNN_KERNELS_BEGIN

namespace detail {

#if !defined(EIGEN_DONT_VECTORIZE) && defined(__SSE2__)

inline __m128 load_bfloat16(const bfloat16* from, __m128 /*type*/) {
  const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), halves));
}

/// The rounded numbers in the upper halves of the lanes.
inline __m128i rounded_lanes(__m128 value) {
  const __m128i whole = _mm_castps_si128(value);
  const __m128i odd = _mm_and_si128(_mm_srli_epi32(whole, 16), _mm_set1_epi32(1));
  const __m128i sum = _mm_add_epi32(whole, _mm_add_epi32(odd, _mm_set1_epi32(0x7fff)));
  const __m128i quiet = _mm_or_si128(whole, _mm_set1_epi32(0x400000));
  const __m128i is_nan = _mm_castps_si128(_mm_cmpunord_ps(value, value));
  return _mm_or_si128(_mm_and_si128(is_nan, quiet), _mm_andnot_si128(is_nan, sum));
}
inline void store_bfloat16(bfloat16* to, __m128 value) {
  const __m128i upper = _mm_srai_epi32(rounded_lanes(value), 16);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(upper, upper));
}

#if defined(__AVX__)
inline __m256 load_bfloat16(const bfloat16* from, __m256 /*type*/) {
#if defined(__AVX2__)
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
#else
  return _mm256_set_m128(load_bfloat16(from + 4, __m128()), load_bfloat16(from, __m128()));
#endif
}
inline void store_bfloat16(bfloat16* to, __m256 value) {
  const __m128i low = _mm_srai_epi32(rounded_lanes(_mm256_castps256_ps128(value)), 16);
  const __m128i high = _mm_srai_epi32(rounded_lanes(_mm256_extractf128_ps(value, 1)), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(low, high));
}
#endif

#if defined(__AVX512F__)
inline __m512 load_bfloat16(const bfloat16* from, __m512 /*type*/) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
/// The bits of the rounded numbers.
inline __m256i rounded_to_bfloat16(__m512 value) {
  const __m512i whole = _mm512_castps_si512(value);
#if defined(__AVX512BF16__)
  // By bits: a comparison may take denormal numbers for zero as well.
  const __mmask16 no_exponent = _mm512_testn_epi32_mask(whole, _mm512_set1_epi32(0x7f800000));
  if (_mm512_mask_test_epi32_mask(no_exponent, whole, _mm512_set1_epi32(0x7fffff)) == 0) {
    return std::bit_cast<__m256i>(_mm512_cvtneps_pbh(value));
  }
#endif
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(whole, 16), _mm512_set1_epi32(1));
  const __m512i sum = _mm512_add_epi32(whole, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(sum, is_nan, whole, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16));
}
inline void store_bfloat16(bfloat16* to, __m512 value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), rounded_to_bfloat16(value));
}
#endif

#elif !defined(EIGEN_DONT_VECTORIZE) && defined(__ARM_NEON)

inline float32x4_t load_bfloat16(const bfloat16* from, float32x4_t /*type*/) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&from->bits), 16));
}
inline void store_bfloat16(bfloat16* to, float32x4_t value) {
  const uint32x4_t whole = vreinterpretq_u32_f32(value);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(whole, 16), vdupq_n_u32(1));
  const uint32x4_t sum = vaddq_u32(whole, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  const uint32x4_t quiet = vorrq_u32(whole, vdupq_n_u32(0x400000));
  vst1_u16(&to->bits, vshrn_n_u32(vbslq_u32(vceqq_f32(value, value), sum, quiet), 16));
}

#endif

inline float load_bfloat16(const bfloat16* from, float /*type*/) { return *from; }
inline void store_bfloat16(bfloat16* to, float value) { *to = bfloat16(value); }

// The first `count` numbers, zeros behind them, and the same stored.

#if !defined(EIGEN_DONT_VECTORIZE) && defined(__AVX512BW__) && defined(__AVX512VL__)
inline __m512 load_part_of_bfloat16(const bfloat16* from, Index count, __m512 /*type*/) {
  const auto lanes = static_cast<__mmask16>((1U << count) - 1U);
  const __m256i halves = _mm256_maskz_loadu_epi16(lanes, from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
inline void store_part_of_bfloat16(bfloat16* to, Index count, __m512 value) {
  bfloat16 all[16];
  store_bfloat16(all, value);
  __m256i halves;
  std::memcpy(&halves, all, sizeof(halves));
  _mm256_mask_storeu_epi16(to, static_cast<__mmask16>((1U << count) - 1U), halves);
}
#endif

template <class Native>
Native load_part_of_bfloat16(const bfloat16* from, Index count, Native type) {
  bfloat16 all[sizeof(Native) / sizeof(float)] = {};
  std::copy_n(from, count, all);
  return load_bfloat16(all, type);
}
template <class Native>
void store_part_of_bfloat16(bfloat16* to, Index count, Native value) {
  bfloat16 all[sizeof(Native) / sizeof(float)];
  store_bfloat16(all, value);
  std::copy_n(all, count, to);
}

}  // namespace detail

CNNRNN_KERNELS_END
