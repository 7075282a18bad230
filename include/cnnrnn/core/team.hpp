#pragma once

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "cnnrnn/core/parallel.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Leaves the core to its other thread, if it has one, for a few cycles.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace detail

/// Where the threads of a team wait for each other. They spin at first, for less time than the
/// system needs to wake a thread: whoever takes longer has lost its processor.
class TeamBarrier {
 public:
  /// Returns when all `members` have called it.
  void wait(int members) {
    const unsigned round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      round_.notify_all();
      return;
    }
    constexpr int looks = 1 << 10;
    for (int look = 0; look < looks; ++look) {
      if (round_.load(std::memory_order_acquire) != round) {
        return;
      }
      detail::relax();
    }
    round_.wait(round, std::memory_order_acquire);
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

/// One of the threads of a team.
struct TeamMember {
  int number;
  int members;
  TeamBarrier* barrier;

  void wait() const {
    if (members > 1) {
      barrier->wait(members);
    }
  }
};

/// How many threads a team of those of a loop that begins here can have: no more than processors,
/// or they would wait for some that sleep.
inline int team_threads() {
#ifdef _OPENMP
  return std::min(loop_threads(), omp_get_num_procs());
#else
  return 1;
#endif
}

/// Calls body(member) on each of at most `most` threads, which may wait for each other: for many
/// short steps in a row, each of which would be too short for a loop of its own. Inside a loop, the
/// team is the thread itself. The body is noexcept: the others would wait for it for ever.
template <class Body>
void parallel_team([[maybe_unused]] int most, const Body& body) {
  static_assert(std::is_nothrow_invocable_v<const Body&, const TeamMember&>);
#ifdef _OPENMP
  if (most > 1 && !omp_in_parallel()) {
    detail::end_team_at_fork();
    TeamBarrier barrier;
#pragma omp parallel num_threads(most)
    {
      const FlushDenormals flush;
      body(TeamMember{omp_get_thread_num(), omp_get_num_threads(), &barrier});
    }
    return;
  }
#endif
  const FlushDenormals flush;
  body(TeamMember{0, 1, nullptr});
}

CNNRNN_NAMESPACE_END
