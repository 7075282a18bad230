#pragma once

#include <string>

#include "cnnrnn/core/bfloat16_pairs.hpp"
#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/core/text.hpp"
#include "cnnrnn/system/process.hpp"

CNNRNN_KERNELS_BEGIN

/// How the translation unit that asks was compiled, for people to read.
struct BuildInfo {
  const char* instruction_set;  ///< "avx2_fma"
  Index float_lanes;            ///< floats in a vector
  bool optimized;
  bool openmp;
  int x86_64_level;  ///< of a program with a build for each level, which this one is for; else 0
  const char* bfloat16;  ///< how it is multiplied: "in pairs, by AVX512-BF16" or "as float"
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
  constexpr const char* bfloat16 = has_pair_products ? "in pairs, by AVX512-BF16" : "as float";
  return {name + sizeof("isa_") - 1, Packet<float>::width, optimized, openmp, level, bfloat16};
}
#undef CNNRNN_STRING
#undef CNNRNN_STRING_OF

/// "vectors of 8 floats (avx2_fma)", and for one of several builds for levels of x86-64 also which
/// one began, and why: "vectors of 8 floats (avx2_fma, x86-64-v3 chosen at start)".
inline std::string describe(const BuildInfo& build) {
  std::string chosen;
  if (build.x86_64_level > 0) {
    const std::string level =
        build.x86_64_level > 1 ? "x86-64-v" + std::to_string(build.x86_64_level) : "x86-64";
    const std::string asked = os::environment("CNNRNN_ISA").value_or("");
    const bool given = asked == level || asked == level.substr(level.rfind('-') + 1);
    chosen = ", " + level + (given ? " as CNNRNN_ISA says" : " chosen at start");
  }
  return to_message("vectors of ", build.float_lanes, " floats (", build.instruction_set, chosen,
                    ")");
}

CNNRNN_KERNELS_END
