#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

#include "cnnrnn/core/parallel.hpp"

namespace bench {

/// GB/s of a copy that moves `floats` floats, reading one half of them and writing the other, on
/// all threads(). Repeated, it finds them in whichever cache holds them: the line that no pass over
/// as many floats can pass. The best of many short trials, as for the FMA peak.
inline double measure_copy_bandwidth(cnnrnn::Index floats) {
  using Clock = std::chrono::steady_clock;
  constexpr int trials = 10;
  constexpr cnnrnn::Index least_moved = cnnrnn::Index(1) << 22;
  const cnnrnn::Index half = std::max<cnnrnn::Index>(floats / 2, 1);
  const cnnrnn::Index rounds = std::max<cnnrnn::Index>(least_moved / (2 * half), 1);
  const cnnrnn::Index share = (half + cnnrnn::threads() - 1) / cnnrnn::threads();
  const std::vector<float> from(static_cast<std::size_t>(half), 1.0F);
  std::vector<float> to(from.size());
  double best = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto begin = Clock::now();
    cnnrnn::parallel_for(cnnrnn::threads(), 1, [&](cnnrnn::Index thread, cnnrnn::Index) {
      const cnnrnn::Index first = std::min(thread * share, half);
      const cnnrnn::Index count = std::min(share, half - first);
      for (cnnrnn::Index round = 0; round < rounds; ++round) {
        std::memcpy(to.data() + first, from.data() + first,
                    static_cast<std::size_t>(count) * sizeof(float));
        benchmark::ClobberMemory();
      }
    });
    const std::chrono::duration<double> time = Clock::now() - begin;
    const auto bytes = static_cast<double>(2 * half * rounds) * sizeof(float);
    best = std::max(best, bytes / time.count() / 1e9);
  }
  return best;
}

/// The same, measured once in a process for each size.
inline double copy_bandwidth(cnnrnn::Index floats) {
  static std::map<cnnrnn::Index, double> measured;
  const auto [entry, is_new] = measured.try_emplace(floats);
  if (is_new) {
    entry->second = measure_copy_bandwidth(floats);
  }
  return entry->second;
}

}  // namespace bench
