#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

namespace bench {

/// Nanoseconds until what one of two threads writes is read by the other: about 40 where their
/// cores share a cache, and several times that where they do not, as virtual cores may from one
/// minute to the next. Threads that meet once a layer, or read what the other one wrote, depend on
/// it. The least of several trials, since any of them may be disturbed.
inline double measure_core_to_core() {
  using Clock = std::chrono::steady_clock;
  constexpr int trials = 5;
  constexpr int turns = 4000;
  constexpr int warm_up = 4;
  alignas(64) std::atomic<int> ball{0};
  const auto play = [&](int first, int last) {
    for (int turn = first; turn < last; turn += 2) {
      while (ball.load(std::memory_order_acquire) != turn) {
      }
      ball.store(turn + 1, std::memory_order_release);
    }
  };
  double least = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial < trials; ++trial) {
    ball = 0;
    std::thread other(play, 1, turns);
    play(0, warm_up);  // the other one has begun
    const auto begin = Clock::now();
    play(warm_up, turns);
    const std::chrono::duration<double, std::nano> time = Clock::now() - begin;
    other.join();
    least = std::min(least, time.count() / (turns - warm_up));
  }
  return least;
}

}  // namespace bench
