#pragma once

#include <benchmark/benchmark.h>

#include <chrono>

#include "support/copy_bandwidth.hpp"
#include "support/fma_peak.hpp"

namespace bench {

/// Runs the body once to warm up, then as often as the state asks; returns the mean seconds by the
/// clock on the wall. Google Benchmark's own rates count the processor time of one thread.
template <class Body>
double time_iterations(benchmark::State& state, const Body& body) {
  using Clock = std::chrono::steady_clock;
  body();
  const auto begin = Clock::now();
  for (auto _ : state) {
    body();
  }
  const std::chrono::duration<double> time = Clock::now() - begin;
  return time.count() / static_cast<double>(state.iterations());
}

/// The counters GFLOPS and peak, the share of the FMA peak.
inline void report_flops(benchmark::State& state, cnnrnn::Index flops, double seconds) {
  const double rate = static_cast<double>(flops) / seconds / 1e9;
  state.counters["GFLOPS"] = rate;
  state.counters["peak"] = rate / cnnrnn::kernels::fma_peak();
}

/// The counters GB/s, of memory that a pass over numbers of T cannot avoid to read or write, and
/// copy, its share of the speed of a copy that moves as many bytes.
template <class T = float>
void report_traffic(benchmark::State& state, cnnrnn::Index numbers, double seconds) {
  const auto bytes = numbers * static_cast<cnnrnn::Index>(sizeof(T));
  const double rate = static_cast<double>(bytes) / seconds / 1e9;
  state.counters["GB/s"] = rate;
  state.counters["copy"] = rate / copy_bandwidth(bytes / static_cast<cnnrnn::Index>(sizeof(float)));
}

}  // namespace bench
