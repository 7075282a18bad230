#include "cnnrnn/ops/softmax.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/softmax.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

// The cases of tests/fixtures/generate/losses.py.
const std::vector<std::pair<std::string, Index>> cases{
    {"rows", -1}, {"one", -1}, {"front", 0}, {"middle", 1}, {"vector", 0}};

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("losses");
  for (const std::string kind : {"softmax", "log_softmax"}) {
    for (const auto& [name, axis] : cases) {
      CAPTURE(kind, name);
      const std::string path = kind + "_" + name + "/";
      const auto get = [&](const char* key) { return fixture.get<T>(path + key); };
      const Variable<T> x(get("x"), true);
      const auto y = kind == "softmax" ? softmax(x, axis) : log_softmax(x, axis);
      require_close(y.value(), get("y"), tolerance);
      y.backward(get("dy"));
      require_close(x.grad(), get("dx"), tolerance);
    }
  }
}

Tensor<double> definition(const Tensor<double>& x) {
  Tensor<double> y(x.shape());
  const Index k = x.dim(-1);
  for (Index row = 0; row < x.size() / k; ++row) {
    double sum = 0;
    for (Index i = 0; i < k; ++i) {
      sum += std::exp(x.data()[row * k + i]);
    }
    for (Index i = 0; i < k; ++i) {
      y.mutable_data()[row * k + i] = std::exp(x.data()[row * k + i]) / sum;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("softmax and its logarithm agree with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("softmax is what its definition says, for many rows of any length") {
  for (const Index k : {1, 2, 7, 8, 9, 31, 64, 1001}) {
    const auto x = random_tensor<double>({70, k}, 1);
    require_close(softmax<double>(x).value(), definition(x), 1e-14);
  }
}

TEST_CASE("softmax and its logarithm have the gradients of their values") {
  for (const Index axis : {-1, 0, 1}) {
    const auto result = gradcheck(
        [&](const auto& v) {
          return std::vector{softmax(v[0], axis), log_softmax(v[0], axis)};
        },
        {random_tensor<double>({3, 5, 9}, 1)});
    INFO(result.log);
    CHECK(result);
  }
}

TEMPLATE_TEST_CASE("softmax stays finite for extreme inputs", "", float, double) {
  using T = TestType;
  const Tensor<T> x({2, 3}, {1000, 0, -1000, T(-1e30), T(-1e30), T(-1e30)});
  const T third = T(1) / 3;
  require_close(softmax<T>(x).value(), Tensor<T>({2, 3}, {1, 0, 0, third, third, third}), 1e-6);
  const T log3 = std::log(T(3));
  require_close(log_softmax<T>(x).value(),
                Tensor<T>({2, 3}, {0, -1000, -2000, -log3, -log3, -log3}), 1e-6);
}

TEST_CASE("softmax gives what is masked with -infinity nothing") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> x({3}, {1, -infinity, 1});
  require_close(softmax<float>(x).value(), Tensor<float>({3}, {0.5F, 0, 0.5F}), 1e-7);
  CHECK(log_softmax<float>(x).value()(1) == -infinity);
}

TEST_CASE("softmax hands NaN on to the whole row and no further") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto y = softmax<float>(Tensor<float>({2, 3}, {1, nan, 2, 0, 0, 0})).value();
  CHECK(std::isnan(y(0, 0)));
  CHECK(std::isnan(y(0, 2)));
  CHECK(y(1, 1) == Approx(1.0 / 3));
}

TEST_CASE("softmax takes empty tensors and says which axis there is not") {
  CHECK(softmax<float>(Tensor<float>({0, 3})).shape() == Shape{0, 3});
  CHECK(softmax<float>(Tensor<float>({3, 0})).shape() == Shape{3, 0});
  CHECK_THROWS_WITH(softmax<float>(Tensor<float>({2, 3}), 2),
                    "softmax: expected an axis of (2, 3), got 2");
  CHECK_THROWS_WITH(log_softmax<float>(Tensor<float>(Shape{})), Contains("of (), got -1"));
}

TEST_CASE("softmax layers do what the operations do") {
  const Tensor<float> x = random_tensor<float>({2, 3}, 1);
  nn::Softmax<float> plain;
  nn::LogSoftmax<float> logarithm(0);
  require_close(plain(x).value(), softmax<float>(x).value(), 0);
  require_close(logarithm(x).value(), log_softmax<float>(x, 0).value(), 0);
  CHECK(plain.describe() == "Softmax(axis -1)");
  CHECK(logarithm.describe() == "LogSoftmax(axis 0)");
}
