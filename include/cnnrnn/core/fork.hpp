#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include "cnnrnn/core/allocator.hpp"
#include "cnnrnn/system/process.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

#if defined(_OPENMP) && !defined(__clang__) && !defined(_WIN32)

extern "C" [[gnu::weak]] int kmp_get_blocktime();  // LLVM's runtime has it, GCC's does not

/// Has GCC's runtime end the waiting threads of a team before each fork: a child process would wait
/// for them forever. The next loop starts them again. LLVM's runtime knows of fork.
inline void end_team_at_fork() {
  [[maybe_unused]] static const bool registered = [] {
    if (kmp_get_blocktime == nullptr) {
      // What is registered last runs first: threads that end give their scratch back to the
      // allocator, which must not be locked yet.
      CachingAllocator::instance();
      os::at_fork([] { omp_pause_resource_all(omp_pause_hard); }, nullptr, nullptr);
    }
    return true;
  }();
}

#else

inline void end_team_at_fork() {}

#endif

}  // namespace detail

CNNRNN_NAMESPACE_END
