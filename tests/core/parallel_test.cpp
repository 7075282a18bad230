#include "cnnrnn/core/parallel.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

/// Sets the number of threads for a scope.
class Threads {
 public:
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(0); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

using Blocks = std::multiset<std::pair<Index, Index>>;

Blocks blocks_of(Index count, Index block) {
  Blocks blocks;
  std::mutex mutex;
  parallel_for(count, block, [&](Index begin, Index end) {
    const std::scoped_lock lock(mutex);
    blocks.emplace(begin, end);
  });
  return blocks;
}

/// Whether a loop's body runs on a single thread.
bool alone() {
#ifdef _OPENMP
  return omp_get_num_threads() == 1;
#else
  return true;
#endif
}

/// Half of a denormal number is lost when denormals are flushed.
bool denormals_flushed() {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float half = smallest / 2;
  return half == 0;
}

}  // namespace

TEST_CASE("a parallel loop covers all items in blocks that do not depend on the threads") {
  const Blocks expected{{0, 4}, {4, 8}, {8, 10}};
  for (const int count : {1, 2, 3, 8, 100}) {
    const Threads threads(count);
    CHECK(blocks_of(10, 4) == expected);
    CHECK(blocks_of(4, 4) == Blocks{{0, 4}});
    CHECK(blocks_of(3, 100) == Blocks{{0, 3}});
    CHECK(blocks_of(0, 4).empty());
    CHECK(blocks_of(1000, 1).size() == 1000);
  }
}

TEST_CASE("a thread that is done takes over what another has not begun") {
  const Threads threads(2);
  constexpr int blocks = 64;
  std::atomic<int> others{0};
  bool all_others = false;
  parallel_for(blocks, 1, [&](Index block, Index) {
    if (block > 0) {
      ++others;
      return;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (others < blocks - 1 && !alone() && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    all_others = others == blocks - 1 || alone();
  });
  CHECK(all_others);
}

TEST_CASE("shares cover all blocks once, whoever comes, and who comes first has some") {
  for (const int asked : {1, 2, 3, 64, 100}) {
    for (const Index blocks : {1, 7, 100, 399, 1000}) {
      for (const int came : {1, 2, 3, 64, 100}) {
        if (came > asked) {
          continue;
        }
        CAPTURE(asked, blocks, came);
        cnnrnn::detail::Shares shares(blocks, asked);
        std::vector<int> runs(static_cast<std::size_t>(blocks));
        Index of_first = 0;
        for (int thread = came - 1; thread >= 0; --thread) {
          shares.run(thread, came, [&](Index block) { ++runs[static_cast<std::size_t>(block)]; });
          of_first += thread == came - 1 ? std::accumulate(runs.begin(), runs.end(), 0) : 0;
        }
        CHECK(runs == std::vector<int>(runs.size(), 1));
        CHECK((of_first > 0 || blocks < asked));
      }
    }
  }
}

TEST_CASE("a parallel loop runs in nobody's time when there is nothing to do") {
  bool called = false;
  parallel_for(0, 1, [&](Index, Index) { called = true; });
  CHECK_FALSE(called);
  CHECK(parallel_sum<double>(0, 1, [](Index, Index) { return 1.0; }) == 0);
}

TEST_CASE("a number of threads or a block that cannot be is an error") {
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>([] { set_threads(-1); },
                         "set_threads: expected 0 to 1024 threads, got -1"),
      throws<ValueError>([] { set_threads(most_threads + 1); },
                         "set_threads: expected 0 to 1024 threads, got 1025"),
      throws<ValueError>([] { parallel_for(1, 0, [](Index, Index) {}); },
                         "parallel_for: expected a positive block, got 0"),
      throws<ValueError>([] { parallel_sum<double>(3, -2, [](Index, Index) { return 1.0; }); },
                         "parallel_sum: expected a positive block, got -2")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("the exception of the lowest block arrives, whatever the threads") {
  for (const int count : {1, 2, 3, 8}) {
    const Threads threads(count);
    CHECK_THROWS_WITH(parallel_for(100, 10,
                                   [](Index begin, Index) {
                                     if (begin >= 30) {
                                       throw ValueError(to_message("block at ", begin));
                                     }
                                   }),
                      "block at 30");
    CHECK_THROWS_AS(parallel_for(4, 1, [](Index, Index) { throw 5; }), int);
  }
}

TEST_CASE("a loop inside a loop covers everything and carries its exceptions out") {
  const Threads threads(3);
  std::vector<int> seen(60);
  parallel_for(6, 1, [&](Index outer, Index) {
    parallel_for(10, 3, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        ++seen[static_cast<std::size_t>(outer * 10 + i)];
      }
    });
  });
  CHECK(seen == std::vector<int>(60, 1));
  CHECK_THROWS_AS(parallel_for(2, 1,
                               [](Index, Index) {
                                 parallel_for(
                                     2, 1, [](Index, Index) { throw std::out_of_range("inner"); });
                               }),
                  std::out_of_range);
}

TEST_CASE("memory that ran out in a loop is a bad_alloc, and the next loop runs") {
  for (const int count : {1, 2, 8}) {
    const Threads threads(count);
    CHECK_THROWS_AS(parallel_for(64, 1, [](Index, Index) { throw std::bad_alloc(); }),
                    std::bad_alloc);
    CHECK_THROWS_AS(
        parallel_sum<double>(
            64, 1, [](Index begin, Index) { return begin < 32 ? 1.0 : throw std::bad_alloc(); }),
        std::bad_alloc);
    CHECK(blocks_of(10, 4).size() == 3);
  }
}

TEST_CASE("threads that run loops at once each get the exceptions of their own") {
  const Threads threads(3);
  constexpr int callers = 8;
  std::vector<std::string> messages(callers);
  std::vector<std::thread> running;
  for (int caller = 0; caller < callers; ++caller) {
    running.emplace_back([&message = messages[static_cast<std::size_t>(caller)], caller] {
      for (int round = 0; round < 20; ++round) {
        try {
          parallel_for(6, 1, [&](Index begin, Index) {
            if (begin >= caller % 6) {
              throw ValueError(to_message("caller ", caller, ", block ", begin));
            }
          });
        } catch (const ValueError& error) {
          message = error.what();
        }
      }
    });
  }
  for (auto& thread : running) {
    thread.join();
  }
  for (int caller = 0; caller < callers; ++caller) {
    CHECK(messages[static_cast<std::size_t>(caller)] ==
          to_message("caller ", caller, ", block ", caller % 6));
  }
}

TEST_CASE("a sum has the same bits for any number of threads") {
  std::vector<float> values(100003);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(static_cast<float>(i)) * std::exp(static_cast<float>(i % 37) - 18.0F);
  }
  const auto sum = [&](int count) {
    const Threads threads(count);
    return parallel_sum<float>(std::ssize(values), 1000, [&](Index begin, Index end) {
      float part = 0;
      for (Index i = begin; i < end; ++i) {
        part += values[static_cast<std::size_t>(i)];
      }
      return part;
    });
  };
  const float expected = sum(1);
  CHECK(expected != 0);
  for (const int count : {2, 3, 8}) {
    CHECK(sum(count) == expected);
  }
}

TEST_CASE("threads are what was set") {
  {
    const Threads threads(3);
#ifdef _OPENMP
    CHECK(cnnrnn::threads() == 3);
#else
    CHECK(cnnrnn::threads() == 1);
#endif
  }
  CHECK(cnnrnn::threads() >= 1);
}

#if defined(__SSE2__) || defined(__aarch64__)
TEST_CASE("denormals are flushed inside a loop and the caller's mode is restored") {
  REQUIRE_FALSE(denormals_flushed());
  for (const int count : {1, 2, 3}) {
    const Threads threads(count);
    std::vector<int> flushed(8);
    const auto body = [&](Index begin, Index) {
      flushed[static_cast<std::size_t>(begin)] = denormals_flushed();
    };
    parallel_for(8, 1, body);
    CHECK(flushed == std::vector<int>(8, 1));
    CHECK_FALSE(denormals_flushed());
    CHECK_THROWS(parallel_for(8, 1, [](Index, Index) { throw 1; }));
    CHECK_FALSE(denormals_flushed());
  }
}

TEST_CASE("a caller who flushes denormals goes on doing so") {
  const FlushDenormals flush;
  parallel_for(8, 1, [](Index, Index) {});
  CHECK(denormals_flushed());
}
#endif
