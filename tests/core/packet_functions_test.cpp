// The ulps of e^a, the sigmoid and tanh on the widest vectors of this machine. `--success` prints
// them; docs/numerics.md has them.
#include "cnnrnn/core/packet_functions.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/ulps.hpp"

using namespace cnnrnn;
using kernels::Packet;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// About four million numbers.
template <class T>
constexpr std::uint64_t step = std::is_same_v<T, float> ? 1009 : 4398046511119;

template <class T, class OnPackets>
T first(const OnPackets& function, double x) {
  std::vector<T> values(static_cast<std::size_t>(Packet<T>::width));
  function(Packet<T>::set(static_cast<T>(x))).store(values.data());
  return values.front();
}

template <class T, class Function>
void check_ulps(const Function& function) {
  const auto worst = worst_ulps<T>(function, step<T>);
  CAPTURE(worst.at);
  CHECK(worst.error <= 2);
}

}  // namespace

TEMPLATE_TEST_CASE("exp is within 2 ulp", "", float, double) { check_ulps<TestType>(exp_of); }

TEMPLATE_TEST_CASE("sigmoid is within 2 ulp", "", float, double) {
  check_ulps<TestType>(sigmoid_of);
}

TEMPLATE_TEST_CASE("tanh is within 2 ulp", "", float, double) { check_ulps<TestType>(tanh_of); }

TEST_CASE("an error in ulps is what it says") {
  const float above = std::nextafter(1.0F, 2.0F);
  CHECK(error_in_ulps(above, 1.0) == 1);
  CHECK(error_in_ulps(1.0F, static_cast<double>(above)) == 1);
  CHECK(error_in_ulps(1.0F, 1.0) == 0);
  CHECK(error_in_ulps(0.0F, 1e-40) == 0);
  CHECK(error_in_ulps(0.0F, 1e-30) > 2);
  CHECK(error_in_ulps(-1e-39F, 1e-39) > 2);
  CHECK(error_in_ulps(std::numeric_limits<float>::max(), 1e39) == infinity);
  CHECK(error_in_ulps(static_cast<float>(infinity), 1e38) == infinity);
  CHECK(error_in_ulps(static_cast<float>(not_a_number), 1.0) == infinity);
}

TEMPLATE_TEST_CASE("functions have their limits at infinity, and NaN stays NaN", "", float,
                   double) {
  using T = TestType;
  for (const double x : {-infinity, -1e30, -1e4, -800.0}) {
    CAPTURE(x);
    CHECK(first<T>(exp_of, x) == 0);
    CHECK(first<T>(tanh_of, x) == -1);
    CHECK(first<T>(sigmoid_of, x) == 0);
    CHECK(first<T>(exp_of, -x) == std::numeric_limits<T>::infinity());
    CHECK(first<T>(tanh_of, -x) == 1);
    CHECK(first<T>(sigmoid_of, -x) == 1);
  }
  CHECK(first<T>(exp_of, 0) == 1);
  CHECK(first<T>(tanh_of, 0) == 0);
  CHECK(first<T>(sigmoid_of, 0) == T(0.5));
  CHECK(std::isnan(first<T>(exp_of, not_a_number)));
  CHECK(std::isnan(first<T>(tanh_of, not_a_number)));
  CHECK(std::isnan(first<T>(sigmoid_of, not_a_number)));
}
