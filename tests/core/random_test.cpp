#include "cnnrnn/core/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};

Moments moments_of(int count, const std::function<double()>& draw) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), draw);
  Moments m;
  m.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  for (const double value : values) {
    const double d = value - m.mean;
    m.variance += d * d / count;
    m.skew += d * d * d / count;
    m.kurtosis += d * d * d * d / count;
  }
  m.skew /= std::pow(m.variance, 1.5);
  m.kurtosis /= m.variance * m.variance;
  return m;
}

}  // namespace

TEST_CASE("the generator is xoshiro256++: the first values of its reference") {
  // xoshiro256plusplus.c (Blackman and Vigna) from the state 1, 2, 3, 4.
  Random random;
  random.restore({1, 2, 3, 4});
  const std::array<std::uint64_t, 5> expected{41943041, 58720359, 3588806011781223,
                                              3591011842654386, 9228616714210784205U};
  for (const std::uint64_t bits : expected) {
    CHECK(random.bits() == bits);
  }
}

TEST_CASE("seeding is splitmix64: the first values of its reference") {
  const Random::State expected{6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                               4593380528125082431U};
  CHECK(Random(1234567).state() == expected);
}

TEST_CASE("the streams of every distribution stay what they are") {
  Random random(42);
  CHECK(random.bits() == 15021278609987233951U);
  CHECK(random.uniform() == 0x1.467905d15dbccp-2);
  CHECK(random.uniform(-2, 6) == 0x1.77c0f9f61849dp+2);
  CHECK(random.normal() == Approx(0.41956416195941315).epsilon(1e-14));
  CHECK(random.normal(3, 0.5) == Approx(3.4698517441880212).epsilon(1e-14));
  CHECK(random.below(1000) == 838);
  CHECK(random.bernoulli(0.5) == true);
  std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
  random.shuffle(std::span(items));
  CHECK(items == std::vector<int>{6, 7, 3, 1, 0, 5, 2, 4});
  CHECK(Random::derived(42, {3, 1}).bits() == 4309554513174607261U);
}

TEST_CASE("uniform numbers are in [0, 1) and have its moments") {
  Random random(1);
  double least = 1;
  double most = 0;
  const auto m = moments_of(200000, [&] {
    const double value = random.uniform();
    least = std::min(least, value);
    most = std::max(most, value);
    return value;
  });
  CHECK(least >= 0);
  CHECK(most < 1);
  CHECK(m.mean == Approx(0.5).margin(0.003));
  CHECK(m.variance == Approx(1.0 / 12).margin(0.001));
  CHECK(m.kurtosis == Approx(1.8).margin(0.02));
}

TEST_CASE("normal numbers have the moments of a normal distribution") {
  Random random(2);
  const auto m = moments_of(400000, [&] { return random.normal(3, 2); });
  CHECK(m.mean == Approx(3).margin(0.015));
  CHECK(m.variance == Approx(4).margin(0.05));
  CHECK(m.skew == Approx(0).margin(0.02));
  CHECK(m.kurtosis == Approx(3).margin(0.05));
}

TEST_CASE("bernoulli is true as often as it should be") {
  Random random(3);
  int hits = 0;
  for (int i = 0; i < 100000; ++i) {
    hits += random.bernoulli(0.3);
    CHECK_FALSE(random.bernoulli(0));
    CHECK(random.bernoulli(1));
  }
  CHECK(std::abs(hits - 30000) < 600);
}

TEST_CASE("below gives every number below equally often, for every count") {
  Random random(4);
  for (const Index count : {1, 2, 3, 5, 6, 7, 12, 100}) {
    CAPTURE(count);
    const Index draws = 4000 * count;
    std::vector<int> seen(static_cast<std::size_t>(count));
    for (Index i = 0; i < draws; ++i) {
      const Index value = random.below(count);
      REQUIRE((value >= 0 && value < count));
      ++seen[static_cast<std::size_t>(value)];
    }
    for (const int times : seen) {
      CHECK(std::abs(times - 4000) < 320);  // five standard deviations
    }
  }
}

TEST_CASE("below reaches the upper half of a range above a power of two") {
  Random random(5);
  constexpr Index count = 3 * (Index{1} << 61);  // a remainder would favour its lower third
  int upper = 0;
  for (int i = 0; i < 30000; ++i) {
    upper += random.below(count) >= count / 3 * 2;
  }
  CHECK(std::abs(upper - 10000) < 400);
  CHECK_THROWS_WITH(random.below(0), "random: expected a positive count, got 0");
  CHECK_THROWS_AS(random.below(-1), ValueError);
}

TEST_CASE("a shuffle keeps the items and reaches every order equally often") {
  Random random(6);
  std::array<int, 6> seen{};
  for (int i = 0; i < 24000; ++i) {
    std::array<int, 3> items{0, 1, 2};
    random.shuffle(std::span<int>(items));
    REQUIRE(std::is_permutation(items.begin(), items.end(), std::array{0, 1, 2}.begin()));
    ++seen[static_cast<std::size_t>(2 * items[0] + (items[1] > items[2]))];
  }
  for (const int times : seen) {
    CHECK(std::abs(times - 4000) < 320);
  }
  std::vector<int> none;
  CHECK_NOTHROW(random.shuffle(std::span(none)));
}

TEST_CASE("a restored generator goes on where it was, in every distribution") {
  Random random(7);
  random.normal();
  const auto state = random.state();
  const std::array<double, 3> first{random.normal(), random.uniform(), random.normal()};
  Random other;
  other.restore(state);
  const std::array<double, 3> second{other.normal(), other.uniform(), other.normal()};
  CHECK(first == second);
}

TEST_CASE("derived generators depend on the seed and on every step of the path, in order") {
  const auto first = [](std::uint64_t seed, std::initializer_list<std::uint64_t> path) {
    return Random::derived(seed, path).bits();
  };
  CHECK(first(1, {2, 3}) == first(1, {2, 3}));
  std::vector<std::uint64_t> all{first(1, {}),     first(1, {0}),    first(1, {0, 0}),
                                 first(1, {2, 3}), first(1, {3, 2}), first(2, {2, 3}),
                                 first(1, {2, 4}), first(0, {}),     first(0, {0})};
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("derived generators of neighbouring positions are independent") {
  // Values at the same place of neighbouring streams: no correlation, and uniform bits.
  constexpr int count = 20000;
  double sum = 0;
  double product = 0;
  double before = Random::derived(9, {0, 0}).uniform() - 0.5;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const double now = Random::derived(9, {0, i}).uniform() - 0.5;
    sum += now;
    product += now * before;
    before = now;
  }
  CHECK(sum / count == Approx(0).margin(0.01));
  CHECK(product / count * 12 == Approx(0).margin(0.035));
}
