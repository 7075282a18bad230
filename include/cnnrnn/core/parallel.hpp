#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <limits>
#include <mutex>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "cnnrnn/core/denormals.hpp"
#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/fork.hpp"
#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/system/processors.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {
CNNRNN_SHARED inline std::atomic<int>& thread_setting() {
  static std::atomic<int> setting{0};
  return setting;
}

#ifdef _OPENMP
/// What OpenMP offers: OMP_NUM_THREADS, or the processors that this process may run on. It knows no
/// quotas, so where nobody has chosen, these are the limit.
inline int default_threads() {
  static const int processors = omp_get_num_procs();
  static const int within_quota = std::getenv("OMP_NUM_THREADS") != nullptr  // NOLINT: read only
                                      ? processors
                                      : os::threads_within(os::cpu_quota(), processors);
  const int offered = omp_get_max_threads();
  return offered == processors ? within_quota : offered;
}
#endif
}  // namespace detail

/// How many threads parallel loops use: what set_threads said, else what OpenMP offers, within the
/// quota of a container, else 1.
inline int threads() {
#ifdef _OPENMP
  const int setting = detail::thread_setting().load(std::memory_order_relaxed);
  return setting > 0 ? setting : detail::default_threads();
#else
  return 1;
#endif
}

/// How many threads a loop that begins here would have: one inside another loop.
inline int loop_threads() {
#ifdef _OPENMP
  return omp_in_parallel() ? 1 : threads();
#else
  return 1;
#endif
}

/// More threads than any machine this is for; a runtime that cannot start them ends the program.
inline constexpr int most_threads = 1024;

/// Sets the number of threads; 0 returns to the default. Throws ValueError when negative or
/// above most_threads. Results do not depend on it: not a bit.
inline void set_threads(int count) {
  require<ValueError>(count >= 0 && count <= most_threads, "set_threads: expected 0 to ",
                      most_threads, " threads, got ", count);
  detail::thread_setting().store(count, std::memory_order_relaxed);
}

namespace detail {

/// Remembers the exception of the lowest block, so that the same one arrives for any thread count.
class FirstException {
 public:
  void keep(Index block) noexcept {
    const std::scoped_lock lock(mutex_);
    if (block < block_) {
      block_ = block;
      exception_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (exception_) {
      std::rethrow_exception(exception_);
    }
  }

 private:
  std::mutex mutex_;
  Index block_ = std::numeric_limits<Index>::max();
  std::exception_ptr exception_;
};

/// The blocks of a loop in equal shares, one to a thread, so that a thread finds in its cache what
/// it left there in the loop before. Who is done goes on with the shares of the others, unless the
/// blocks are few: then looking there, at memory that another core writes to, costs more than it
/// brings.
class Shares {
 public:
  Shares(Index blocks, int threads)
      : count_(std::min<Index>(threads, std::ssize(shares_))), helps_(blocks / 4 >= threads) {
    for (Index i = 0; i < count_; ++i) {
      share(i).next.store(blocks * i / count_, std::memory_order_relaxed);
      share(i).end = blocks * (i + 1) / count_;
    }
  }

  /// Calls body(block) for every block once, if each thread 0 ... threads - 1 calls this.
  template <class Body>
  void run(int thread, int threads, const Body& body) {
    for (Index i = thread % count_; i < count_; i += threads) {
      finish(share(i), body);
    }
    for (Index i = 1; helps_ && i < count_; ++i) {
      finish(share((thread + i) % count_), body);
    }
  }

 private:
  struct alignas(64) Share {
    std::atomic<Index> next;
    Index end;
  };

  Share& share(Index i) { return shares_[static_cast<std::size_t>(i)]; }

  template <class Body>
  static void finish(Share& share, const Body& body) {
    for (Index block; (block = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
      body(block);
    }
  }

  std::array<Share, 64> shares_;
  Index count_;
  bool helps_;
};

inline namespace CNNRNN_ISA {  // compiled code, as kernels are

/// A loop's body, of whatever type: what runs it is compiled once for all loops, and the body once
/// for the threads of a team and for one alone.
class LoopBody {
 public:
  template <class Body>
  explicit LoopBody(const Body& body)
      : body_(&body), call_([](const void* of, Index begin, Index end) {
          (*static_cast<const Body*>(of))(begin, end);
        }) {}

  void operator()(Index begin, Index end) const { call_(body_, begin, end); }

 private:
  const void* body_;
  void (*call_)(const void*, Index, Index);
};

/// parallel_for. Never inlined, so that the compiler does not make one for each body again.
[[gnu::noinline]] inline void run_blocks(Index count, Index block, const LoopBody& body) {
  require<ValueError>(block > 0, "parallel_for: expected a positive block, got ", block);
  const Index blocks = count / block + (count % block != 0);
  FirstException failure;
  const auto run = [&](Index index) noexcept {
    try {
      body(index * block, std::min(count, index * block + block));
    } catch (...) {
      failure.keep(index);
    }
  };
#ifdef _OPENMP
  const int team = static_cast<int>(std::min<Index>(threads(), blocks));
  if (team > 1 && !omp_in_parallel()) {
    end_team_at_fork();
    Shares shares(blocks, team);
#pragma omp parallel num_threads(team)
    {
      const FlushDenormals flush;
      shares.run(omp_get_thread_num(), omp_get_num_threads(), run);
    }
    failure.rethrow();
    return;
  }
#endif
  const FlushDenormals flush;
  for (Index index = 0; index < blocks; ++index) {
    run(index);
  }
  failure.rethrow();
}

}  // namespace CNNRNN_ISA
}  // namespace detail

/// Calls body(begin, end) for consecutive blocks of `block` items that cover 0 ... count - 1, on
/// all threads. The blocks depend on count and block alone, never on the number of threads.
/// Exceptions of the body are carried out to the caller. A loop inside a loop runs on its own
/// thread.
template <class Body>
void parallel_for(Index count, Index block, const Body& body) {
  // A lambda has an address as an object, a function has none.
  const auto call = [&body](Index begin, Index end) { body(begin, end); };
  detail::run_blocks(count, block, detail::LoopBody(call));
}

/// The sum of body(begin, end) over the blocks of parallel_for, added in the order of the blocks:
/// the same bits for any number of threads.
template <class T, class Body>
T parallel_sum(Index count, Index block, const Body& body) {
  require<ValueError>(block > 0, "parallel_sum: expected a positive block, got ", block);
  std::vector<T> partial(static_cast<std::size_t>(count / block + (count % block != 0)));
  parallel_for(count, block, [&](Index begin, Index end) {
    partial[static_cast<std::size_t>(begin / block)] = body(begin, end);
  });
  T sum{};
  for (const T& part : partial) {
    sum += part;
  }
  return sum;
}

CNNRNN_NAMESPACE_END
