#pragma once

#include <algorithm>
#include <atomic>

#include "cnnrnn/core/parallel.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Leaves the core to its other thread, if it has one, for a few cycles.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Ends the work of a thread that waits for one that failed.
struct TeamFailed {};

}  // namespace detail

/// Where the threads of a team wait for each other. They spin at first, for less time than the
/// system needs to wake a thread: whoever takes longer has lost its processor.
class TeamBarrier {
 public:
  /// Returns when all `members` have called it; throws TeamFailed if one of them never will.
  void wait(int members) {
    const unsigned round = round_.load(std::memory_order_acquire);
    if ((round & failed) != 0) {
      throw detail::TeamFailed();
    }
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.fetch_add(step, std::memory_order_release);
      round_.notify_all();
      return;
    }
    constexpr int looks = 1 << 10;
    for (int look = 0; round_.load(std::memory_order_acquire) == round && look < looks; ++look) {
      detail::relax();
    }
    round_.wait(round, std::memory_order_acquire);
    if (round_.load(std::memory_order_acquire) == (round | failed)) {
      throw detail::TeamFailed();
    }
  }

  /// For a thread that will not come again: ends the others at this round.
  void fail() {
    round_.fetch_or(failed, std::memory_order_release);
    round_.notify_all();
  }

 private:
  static constexpr unsigned failed = 1, step = 2;

  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

/// One of the threads of a team.
struct TeamMember {
  int number;            ///< from 0 on
  int members;           ///< of the team
  TeamBarrier* barrier;  ///< null in a team of one

  /// Returns when all members have called it.
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
/// team is the thread itself. Exceptions of the body are carried out to the caller, and end the
/// others where they wait.
template <class Body>
void parallel_team([[maybe_unused]] int most, const Body& body) {
#ifdef _OPENMP
  if (most > 1 && !omp_in_parallel()) {
    detail::end_team_at_fork();
    TeamBarrier barrier;
    detail::FirstException failure;
#pragma omp parallel num_threads(most)
    {
      const FlushDenormals flush;
      const TeamMember member{omp_get_thread_num(), omp_get_num_threads(), &barrier};
      try {
        body(member);
      } catch (const detail::TeamFailed&) {
      } catch (...) {
        failure.keep(member.number);
        barrier.fail();
      }
    }
    failure.rethrow();
    return;
  }
#endif
  const FlushDenormals flush;
  body(TeamMember{0, 1, nullptr});
}

CNNRNN_NAMESPACE_END
