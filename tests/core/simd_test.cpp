#include "cnnrnn/core/simd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "support/catch.hpp"

using namespace cnnrnn;
using kernels::Packet;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<T> elements(Packet<T> packet) {
  std::vector<T> values(static_cast<std::size_t>(Packet<T>::width));
  packet.store(values.data());
  return values;
}

/// width numbers, different in sign and size; `seed` chooses which.
template <class T>
std::vector<T> numbers(double seed) {
  std::vector<T> values;
  for (Index i = 0; i < Packet<T>::width; ++i) {
    values.push_back(static_cast<T>(3 * std::sin(seed + 1.7 * static_cast<double>(i))));
  }
  return values;
}

/// packet(a, b) against scalar(a, b), element by element.
template <class T, class OnPackets, class OnScalars>
void check_operation(const OnPackets& packet, const OnScalars& scalar) {
  const auto a = numbers<T>(1);
  const auto b = numbers<T>(2);
  const auto result = elements<T>(packet(Packet<T>::load(a.data()), Packet<T>::load(b.data())));
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(result[i] == scalar(a[i], b[i]));
  }
}

template <class T, class OnPackets>
T first(const OnPackets& packet, double x) {
  return elements<T>(packet(Packet<T>::set(static_cast<T>(x)))).front();
}

/// The largest relative error of packet(x) against exact(x) for x from low to high.
template <class T, class OnPackets, class Exact>
double worst_error(double low, double high, const OnPackets& packet, const Exact& exact) {
  double worst = 0;
  for (int i = 0; i <= 20000; ++i) {
    const T x = static_cast<T>(low + (high - low) * i / 20000);
    const long double expected = exact(static_cast<long double>(x));
    const long double error = std::abs((first<T>(packet, x) - expected) / expected);
    worst = x != 0 ? std::max(worst, static_cast<double>(error)) : worst;
  }
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("packets load, store and set", "", float, double) {
  using P = Packet<TestType>;
  const auto a = numbers<TestType>(1);
  CHECK(elements(P::load(a.data())) == a);
  CHECK(elements(P::set(TestType(2.5))) == std::vector<TestType>(a.size(), TestType(2.5)));
  CHECK(elements(P::zero()) == std::vector<TestType>(a.size()));
}

TEMPLATE_TEST_CASE("partial loads and stores touch only their elements", "", float, double) {
  using P = Packet<TestType>;
  const auto a = numbers<TestType>(1);
  for (Index count = 0; count <= P::width; ++count) {
    const auto part = static_cast<std::size_t>(count);
    const std::vector<TestType> few(a.begin(), a.begin() + count);  // ends where reading must end
    auto expected = few;
    expected.resize(a.size());
    CHECK(elements(P::load_partial(few.data(), count)) == expected);
    std::vector<TestType> target(part + 1, TestType(-7));
    P::load(a.data()).store_partial(target.data(), count);
    CHECK(std::equal(few.begin(), few.end(), target.begin()));
    CHECK(target.back() == -7);
  }
}

TEMPLATE_TEST_CASE("packet arithmetic is scalar arithmetic", "", float, double) {
  using T = TestType;
  check_operation<T>([](auto a, auto b) { return a + b; }, [](T a, T b) { return a + b; });
  check_operation<T>([](auto a, auto b) { return a - b; }, [](T a, T b) { return a - b; });
  check_operation<T>([](auto a, auto b) { return a * b; }, [](T a, T b) { return a * b; });
  check_operation<T>([](auto a, auto b) { return a / b; }, [](T a, T b) { return a / b; });
  check_operation<T>([](auto a, auto b) { return max(a, b); },
                     [](T a, T b) { return std::max(a, b); });
  check_operation<T>([](auto a, auto b) { return min(a, b); },
                     [](T a, T b) { return std::min(a, b); });
  check_operation<T>([](auto a, auto) { return floor(a); }, [](T a, T) { return std::floor(a); });
  check_operation<T>([](auto a, auto) { return abs(a); }, [](T a, T) { return std::abs(a); });
  check_operation<T>([](auto a, auto b) { return select_less(a, b, a * a, b + b); },
                     [](T a, T b) { return a < b ? a * a : b + b; });
}

TEMPLATE_TEST_CASE("selections follow each element, and NaN equals nothing", "", float, double) {
  using P = Packet<TestType>;
  const auto yes = P::set(1);
  const auto no = P::set(2);
  auto a = numbers<TestType>(1);
  const auto b = P::load(a.data());
  a.front() += 1;
  auto expected = std::vector<TestType>(a.size(), TestType(1));
  expected.front() = 2;
  CHECK(elements(select_equal(P::load(a.data()), b, yes, no)) == expected);
  const auto nan = P::set(static_cast<TestType>(not_a_number));
  CHECK(elements(select_equal(nan, nan, yes, no)).front() == 2);
  CHECK(elements(select_less(yes, yes, yes, no)).front() == 2);
  CHECK(elements(select_less(nan, yes, yes, no)).front() == 2);
  CHECK(elements(select_less(yes, nan, yes, no)).front() == 2);
}

TEMPLATE_TEST_CASE("multiply_add is exact to a rounding", "", float, double) {
  using P = Packet<TestType>;
  const auto a = numbers<TestType>(1);
  const auto b = numbers<TestType>(2);
  const auto c = numbers<TestType>(3);
  const auto result =
      elements(multiply_add(P::load(a.data()), P::load(b.data()), P::load(c.data())));
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(static_cast<double>(result[i]) ==
          Approx(static_cast<double>(a[i]) * static_cast<double>(b[i]) + static_cast<double>(c[i]))
              .epsilon(1e-5));
  }
}

TEMPLATE_TEST_CASE("the square root is accurate", "", float, double) {
  const auto root = [](auto a) { return sqrt(a); };
  CHECK(worst_error<TestType>(0, 9, root, [](long double x) { return std::sqrt(x); }) <
        2 * static_cast<double>(std::numeric_limits<TestType>::epsilon()));
  CHECK(first<TestType>(root, 0) == 0);
}

TEMPLATE_TEST_CASE("packets sum up and find the largest", "", float, double) {
  const auto a = numbers<TestType>(1);
  const auto packet = Packet<TestType>::load(a.data());
  double expected = 0;
  for (const TestType value : a) {
    expected += static_cast<double>(value);
  }
  CHECK(static_cast<double>(sum(packet)) == Approx(expected).epsilon(1e-5));
  CHECK(max_element(packet) == *std::max_element(a.begin(), a.end()));
}

TEST_CASE("unroll calls its body with 0, 1, 2, ...") {
  std::vector<Index> seen;
  kernels::unroll<4>([&](auto i) {
    static_assert(decltype(i)::value >= 0);
    seen.push_back(i);
  });
  CHECK(seen == std::vector<Index>{0, 1, 2, 3});
}

TEMPLATE_TEST_CASE("bytes are loaded as numbers and stored back", "", float, double) {
  using P = Packet<TestType>;
  std::vector<std::uint8_t> bytes;
  for (Index i = 0; i <= P::width; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(255 - 7 * i));
  }
  const auto loaded = P::load_bytes(bytes.data());
  CHECK(std::ranges::equal(elements(loaded), std::span(bytes).first(elements(loaded).size())));
  std::vector<std::uint8_t> stored(bytes.size(), 1);
  loaded.store_bytes(stored.data());
  CHECK(stored.back() == 1);
  stored.back() = bytes.back();
  CHECK(stored == bytes);
}
