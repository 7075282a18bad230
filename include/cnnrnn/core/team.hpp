#pragma once

#include <atomic>
#include <thread>

#include "cnnrnn/core/parallel.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Where the threads of a team wait for each other. They spin: what they wait for takes less time
/// than the system needs to wake a thread.
class TeamBarrier {
 public:
  /// Returns when all `members` have called it.
  void wait(int members) {
    const unsigned round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    // Where threads outnumber processors, the one that is waited for needs this one's.
    constexpr int patience = 1 << 14;
    for (int looks = 0; round_.load(std::memory_order_acquire) == round; ++looks) {
      if (looks > patience) {
        std::this_thread::yield();
      }
    }
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

/// Calls body(member) on each of at most `most` threads, which may wait for each other: for many
/// short steps in a row, each of which would be too short for a loop of its own. Inside a loop, the
/// team is the thread itself. The body must not throw: the others would wait for ever.
template <class Body>
void parallel_team([[maybe_unused]] int most, const Body& body) {
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
