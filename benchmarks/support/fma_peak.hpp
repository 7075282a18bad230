#pragma once

#include <algorithm>
#include <chrono>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// `rounds` multiply-adds on each of as many sums as registers allow. Fewer sums than the machine's
/// latency times its units would wait for themselves, and a sum kept in memory for its store.
template <class T>
T multiply_add_rounds(Index rounds, T start) {
  constexpr Index sums = vector_registers - 4;
  const auto factor = Packet<T>::set(start);
  const auto term = Packet<T>::set(T(1) - start);
  Packet<T> s[sums];
  unroll<sums>([&](auto i) { s[i] = Packet<T>::set(start + T(i)); });
  for (Index round = 0; round < rounds; ++round) {
    unroll<sums>([&](auto i) { s[i] = multiply_add(s[i], factor, term); });
  }
  auto total = Packet<T>::zero();
  unroll<sums>([&](auto i) { total = total + s[i]; });
  return sum(total);
}

}  // namespace detail

/// GFLOP/s of multiply-adds that never leave the registers, on all threads(): the line that no
/// product or direct convolution can pass. The best of many short trials, since a peak is what the
/// machine can do, not what it did while somebody else used it.
template <class T>
double measure_fma_peak() {
  using Clock = std::chrono::steady_clock;
  constexpr Index rounds = 1 << 18;
  constexpr int trials = 25;
  volatile T start = T(0.5);  // unknown to the compiler, or it would compute the sums itself
  volatile T result = 0;
  double best = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto begin = Clock::now();
    parallel_for(threads(), 1, [&](Index thread, Index) {
      const T sum = detail::multiply_add_rounds<T>(rounds, start);
      if (thread == 0) {
        result = sum;
      }
    });
    const std::chrono::duration<double> time = Clock::now() - begin;
    const Index operations = 2 * Packet<T>::width * (vector_registers - 4) * rounds * threads();
    best = std::max(best, static_cast<double>(operations) / time.count() / 1e9);
  }
  return best;
}

/// The peak for floats, measured once in a process.
inline double fma_peak() {
  static const double peak = measure_fma_peak<float>();
  return peak;
}

CNNRNN_KERNELS_END
