// The ulps of the normal distribution on the widest vectors of this machine. `--success` prints
// them; docs/numerics.md has them.
#include "cnnrnn/kernels/pointwise/normal_distribution.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/ulps.hpp"

using namespace cnnrnn;
using kernels::NormalDistribution;
using kernels::Packet;

namespace {

// Without fused multiply-adds the power e is raised to is rounded, as docs/numerics.md says.
#if defined(__FMA__) || defined(__aarch64__)
constexpr bool fused = true;
#else
constexpr bool fused = false;
#endif

constexpr auto probability_of = [](auto x) {
  using X = decltype(x);
  if constexpr (std::is_floating_point_v<X>) {
    return std::erfc(-x * (std::numbers::sqrt2_v<X> / 2)) / 2;
  } else {
    return NormalDistribution(x).probability;
  }
};

constexpr auto exponential_of = [](auto x) {
  using X = decltype(x);
  if constexpr (std::is_floating_point_v<X>) {
    return std::exp(-x * x / 2);
  } else {
    return NormalDistribution(x).exponential;
  }
};

template <class T, class Function>
void check_ulps(const Function& function, double limit) {
  constexpr std::uint64_t step = std::is_same_v<T, float> ? 1009 : 4398046511119;
  const auto worst = worst_ulps<T>(function, step);
  CAPTURE(worst.at);
  CHECK(worst.error <= (fused ? limit : 512));
}

template <class T>
NormalDistribution<T> at(T x) {
  return NormalDistribution<T>(Packet<T>::set(x));
}

template <class T>
T first(Packet<T> packet) {
  std::vector<T> values(static_cast<std::size_t>(Packet<T>::width));
  packet.store(values.data());
  return values.front();
}

}  // namespace

TEMPLATE_TEST_CASE("the normal distribution is within 8 ulp, its exponential within 2", "", float,
                   double) {
  check_ulps<TestType>(probability_of, 8);
  check_ulps<TestType>(exponential_of, 2);
}

TEMPLATE_TEST_CASE("the normal distribution has its limits, and NaN stays NaN", "", float, double) {
  using T = TestType;
  for (const T x : {std::numeric_limits<T>::infinity(), T(1e30), T(40)}) {
    CAPTURE(x);
    CHECK(first(at(x).probability) == 1);
    CHECK(first(at(-x).probability) == 0);
    CHECK(first(at(x).exponential) == 0);
  }
  CHECK(first(at(T(0)).probability) == T(0.5));
  CHECK(first(at(T(0)).exponential) == 1);
  const auto none = at(std::numeric_limits<T>::quiet_NaN());
  CHECK(std::isnan(first(none.probability)));
  CHECK(std::isnan(first(none.exponential)));
}
