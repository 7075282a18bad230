#pragma once

#include <version>

// What the library needs of the compiler: flags and a standard library, said in one line before
// anything else fails, and no macros min and max, which some programs have. libstdc++ and Eigen
// remove them too.

#if !defined(__cpp_exceptions)
#error "cnnrnn: expected a compiler with exceptions, got -fno-exceptions: all errors are exceptions"
#endif

// A comparison with NaN is then left out, and a run that diverges trains to the end.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "cnnrnn: expected NaN and infinity, got -ffinite-math-only (in -ffast-math, -Ofast): use -O3"
#endif

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 16000
#error "cnnrnn: expected libc++ 16 or newer, got one without std::ranges::sort: use -stdlib=libstdc++"
#endif

// A build for one of several levels of x86-64 must need no more of a processor, and use no less.
#if defined(CNNRNN_X86_64_LEVEL)
#if (CNNRNN_X86_64_LEVEL < 4 && defined(__AVX512F__)) || \
    (CNNRNN_X86_64_LEVEL < 3 && defined(__AVX__)) ||     \
    (CNNRNN_X86_64_LEVEL < 2 && defined(__SSE3__))
#error "cnnrnn: expected flags for CNNRNN_X86_64_LEVEL, got some for later ones, such as -mavx2"
#elif (CNNRNN_X86_64_LEVEL > 3 && !defined(__AVX512VL__)) || \
    (CNNRNN_X86_64_LEVEL > 2 && !defined(__FMA__)) ||        \
    (CNNRNN_X86_64_LEVEL > 1 && !defined(__SSE4_2__))
#error "cnnrnn: expected flags for CNNRNN_X86_64_LEVEL, such as -march=x86-64-v3 for 3"
#endif
#endif

static_assert(sizeof(1.0) == sizeof(double),
              "cnnrnn: expected constants in double, got -fsingle-precision-constant");

#undef min
#undef max
