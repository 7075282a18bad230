#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <span>
#include <utility>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Seeded random numbers that are the same with every standard library: xoshiro256++ (Blackman and
/// Vigna 2019), seeded through splitmix64, with distributions of our own. The whole state is four
/// words, so a generator can be saved and restored.
class Random {
 public:
  /// The four words of the generator.
  using State = std::array<std::uint64_t, 4>;

  /// A generator that is determined by its seed.
  explicit Random(std::uint64_t seed = 0) {
    for (auto& word : state_) {
      word = split_mix(seed);
    }
  }

  /// The generator that belongs to a seed and a path of numbers (epoch, position, ...): the same
  /// numbers whoever asks, in whatever order.
  static Random derived(std::uint64_t seed, std::initializer_list<std::uint64_t> path) {
    for (const std::uint64_t step : path) {
      seed = split_mix(seed) ^ (step * 0xd1342543de82ef95U);
    }
    return Random(seed);
  }

  /// The state, to be saved.
  const State& state() const { return state_; }

  /// Goes on from a saved state.
  void restore(const State& state) { state_ = state; }

  /// 64 random bits.
  std::uint64_t bits() {
    auto& s = state_;
    const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
    const std::uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
    return result;
  }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Normal, by Box and Muller; two uniform numbers each, so that no half is kept in the state.
  double normal(double mean = 0, double standard_deviation = 1) {
    const double radius = std::sqrt(-2 * std::log1p(-uniform()));
    return mean + standard_deviation * radius * std::cos(2 * std::numbers::pi * uniform());
  }

  /// Uniform in 0 ... count - 1. Throws ValueError unless count is positive.
  Index below(Index count) {
    require<ValueError>(count > 0, "random: expected a positive count, got ", count);
    const auto most = static_cast<std::uint64_t>(count - 1);
    const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(most | 1);
    std::uint64_t draw = bits() & mask;
    while (draw > most) {
      draw = bits() & mask;
    }
    return static_cast<Index>(draw);
  }

  /// True with the given probability.
  bool bernoulli(double probability) { return uniform() < probability; }

  /// Reorders the items, each order equally likely (Fisher and Yates).
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[static_cast<std::size_t>(below(static_cast<Index>(left)))]);
    }
  }

 private:
  static std::uint64_t split_mix(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  State state_{};
};

CNNRNN_NAMESPACE_END
