#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cnnrnn/core/shape.hpp"

// A part of a vector, its elements in another order, a choice between two, bytes as numbers, each
// in an instruction or two, which Eigen 3.4 does not offer: the only intrinsics here.

CNNRNN_KERNELS_BEGIN

namespace detail {

#if defined(__AVX512F__)

/// The size of the vectors that have masks.
inline constexpr std::size_t masked_bytes = 64;

inline __mmask16 lanes_of_16(Index count) { return static_cast<__mmask16>((1U << count) - 1U); }
inline __mmask8 lanes_of_8(Index count) { return static_cast<__mmask8>((1U << count) - 1U); }

inline __m512 masked_load(const float* from, Index count) {
  return _mm512_maskz_loadu_ps(lanes_of_16(count), from);
}
inline __m512d masked_load(const double* from, Index count) {
  return _mm512_maskz_loadu_pd(lanes_of_8(count), from);
}
inline void masked_store(float* to, Index count, __m512 value) {
  _mm512_mask_storeu_ps(to, lanes_of_16(count), value);
}
inline void masked_store(double* to, Index count, __m512d value) {
  _mm512_mask_storeu_pd(to, lanes_of_8(count), value);
}

/// For each element: a < b ? yes : no, and a == b ? yes : no.
inline __m512 masked_select_less(__m512 a, __m512 b, __m512 yes, __m512 no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
inline __m512d masked_select_less(__m512d a, __m512d b, __m512d yes, __m512d no) {
  return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), no, yes);
}
inline __m512 masked_select_equal(__m512 a, __m512 b, __m512 yes, __m512 no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), no, yes);
}
inline __m512d masked_select_equal(__m512d a, __m512d b, __m512d yes, __m512d no) {
  return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ), no, yes);
}

/// A vector of bytes as numbers, and back.
inline __m512 load_bytes(const std::uint8_t* from, float /*type*/) {
  __m128i bytes;
  std::memcpy(&bytes, from, 16);
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}
inline __m512d load_bytes(const std::uint8_t* from, double /*type*/) {
  std::int64_t bytes = 0;
  std::memcpy(&bytes, from, 8);
  return _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_set_epi64x(0, bytes)));
}
inline void store_bytes(std::uint8_t* to, __m512 value) {
  const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(value));
  std::memcpy(to, &bytes, 16);
}
inline void store_bytes(std::uint8_t* to, __m512d value) {
  const __m512i words = _mm512_castsi256_si512(_mm512_cvttpd_epi32(value));
  const __m128i bytes = _mm512_cvtepi32_epi8(words);
  std::memcpy(to, &bytes, 8);
}

/// The words of 32 bits at the given places.
inline __m512 permuted(__m512 value, const int* places) {
  return _mm512_permutexvar_ps(_mm512_load_si512(places), value);
}
inline __m512d permuted(__m512d value, const int* places) {
  return _mm512_castps_pd(permuted(_mm512_castpd_ps(value), places));
}

#elif defined(__AVX2__) && defined(__FMA__)

/// The size of the vectors that have masks.
inline constexpr std::size_t masked_bytes = 32;

inline __m256i lanes_of_8(Index count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i lanes_of_4(Index count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}

inline __m256 masked_load(const float* from, Index count) {
  return _mm256_maskload_ps(from, lanes_of_8(count));
}
inline __m256d masked_load(const double* from, Index count) {
  return _mm256_maskload_pd(from, lanes_of_4(count));
}

// Halves and quarters: a masked store takes dozens of steps on AMD's processors.
inline void masked_store(float* to, Index count, __m256 value) {
  if (count == 8) {
    _mm256_storeu_ps(to, value);
    return;
  }
  __m128 part = _mm256_castps256_ps128(value);
  if ((count & 4) != 0) {
    _mm_storeu_ps(to, part);
    to += 4;
    part = _mm256_extractf128_ps(value, 1);
  }
  if ((count & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(to), part);
    to += 2;
    part = _mm_movehl_ps(part, part);
  }
  if ((count & 1) != 0) {
    _mm_store_ss(to, part);
  }
}
inline void masked_store(double* to, Index count, __m256d value) {
  if (count == 4) {
    _mm256_storeu_pd(to, value);
    return;
  }
  __m128d part = _mm256_castpd256_pd128(value);
  if ((count & 2) != 0) {
    _mm_storeu_pd(to, part);
    to += 2;
    part = _mm256_extractf128_pd(value, 1);
  }
  if ((count & 1) != 0) {
    _mm_store_sd(to, part);
  }
}

/// A vector of bytes as numbers.
inline __m256 load_bytes(const std::uint8_t* from, float /*type*/) {
  std::int64_t bytes = 0;
  std::memcpy(&bytes, from, 8);
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_set_epi64x(0, bytes)));
}
inline __m256d load_bytes(const std::uint8_t* from, double /*type*/) {
  int bytes = 0;
  std::memcpy(&bytes, from, 4);
  return _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
}

template <class Native>
Native masked_select_less(Native a, Native b, Native yes, Native no) = delete;
template <class Native>
Native masked_select_equal(Native a, Native b, Native yes, Native no) = delete;
template <class Native>
void store_bytes(std::uint8_t* to, Native value) = delete;

/// The words of 32 bits at the given places.
inline __m256 permuted(__m256 value, const int* places) {
  return _mm256_permutevar8x32_ps(value,
                                  _mm256_load_si256(reinterpret_cast<const __m256i*>(places)));
}
inline __m256d permuted(__m256d value, const int* places) {
  return _mm256_castps_pd(permuted(_mm256_castpd_ps(value), places));
}

#else

/// No vectors have masks.
inline constexpr std::size_t masked_bytes = 0;

template <class T>
T masked_load(const T* from, Index count) = delete;
template <class T, class Native>
void masked_store(T* to, Index count, Native value) = delete;
template <class Native>
Native permuted(Native value, const int* places) = delete;
template <class T>
T load_bytes(const std::uint8_t* from, T type) = delete;
template <class Native>
Native masked_select_less(Native a, Native b, Native yes, Native no) = delete;
template <class Native>
Native masked_select_equal(Native a, Native b, Native yes, Native no) = delete;
template <class Native>
void store_bytes(std::uint8_t* to, Native value) = delete;

#endif

}  // namespace detail

CNNRNN_KERNELS_END
