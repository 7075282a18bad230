#pragma once

#include "cnnrnn/core/requirements.hpp"
#include "cnnrnn/core/version.hpp"

// The library lives in cnnrnn::v0_2, an inline namespace: objects built against versions of the
// headers that need not fit each other fail to link instead of mixing their layouts.
#define CNNRNN_NAMESPACE_BEGIN \
  namespace cnnrnn {           \
  inline namespace v0_2 {
#define CNNRNN_NAMESPACE_END \
  }                          \
  }

// What exists once in a process does so across its shared objects, those too that are compiled with
// -fvisibility=hidden; and exceptions are caught in all of them. On Windows each DLL has its own.
#if defined(_WIN32)
#define CNNRNN_SHARED
#else
#define CNNRNN_SHARED [[gnu::visibility("default")]]
#endif

// Kernels also carry the instruction set that they were compiled for. Objects built with different
// -march then keep their own copies, and the linker cannot hand AVX-512 code to an SSE2 caller.
// Without Eigen's vectors they are others once more.
#if defined(EIGEN_DONT_VECTORIZE)
#define CNNRNN_ISA_NAME(name) isa_scalar_##name
#else
#define CNNRNN_ISA_NAME(name) isa_##name
#endif
#if defined(__AVX512F__) && defined(__AVX512BF16__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(avx512_bf16)
#elif defined(__AVX512F__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(avx512)
#elif defined(__AVX2__) && defined(__FMA__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(avx2_fma)
#elif defined(__AVX__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(avx)
#elif defined(__SSE4_1__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(sse4)
#elif defined(__SSE2__)
#define CNNRNN_ISA CNNRNN_ISA_NAME(sse2)
#elif defined(__ARM_NEON)
#define CNNRNN_ISA CNNRNN_ISA_NAME(neon)
#else
#define CNNRNN_ISA CNNRNN_ISA_NAME(scalar)
#endif

#define CNNRNN_KERNELS_BEGIN \
  CNNRNN_NAMESPACE_BEGIN     \
  namespace kernels {        \
  inline namespace CNNRNN_ISA {
#define CNNRNN_KERNELS_END \
  }                        \
  }                        \
  CNNRNN_NAMESPACE_END
