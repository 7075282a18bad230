#pragma once

#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

/// How the translation unit that asks was compiled, for people to read.
struct BuildInfo {
  const char* instruction_set;  ///< "avx2_fma"
  Index float_lanes;            ///< floats in a vector
  bool optimized;
  bool openmp;
  int x86_64_level;  ///< of a program with a build for each level, which this one is for; else 0
};

#define CNNRNN_STRING_OF(name) #name
#define CNNRNN_STRING(name) CNNRNN_STRING_OF(name)
inline BuildInfo build_info() {
#ifdef __OPTIMIZE__
  constexpr bool optimized = true;
#else
  constexpr bool optimized = false;
#endif
#ifdef _OPENMP
  constexpr bool openmp = true;
#else
  constexpr bool openmp = false;
#endif
#ifdef CNNRNN_X86_64_LEVEL
  constexpr int level = CNNRNN_X86_64_LEVEL;
#else
  constexpr int level = 0;
#endif
  constexpr const char* name = CNNRNN_STRING(CNNRNN_ISA);
  return {name + sizeof("isa_") - 1, Packet<float>::width, optimized, openmp, level};
}
#undef CNNRNN_STRING
#undef CNNRNN_STRING_OF

CNNRNN_KERNELS_END
