#include "cnnrnn/nn/activations.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// The activation of that name, as the fixture has it.
template <class T>
Variable<T> activate(const std::string& name, const Variable<T>& x) {
  if (name == "relu") {
    return relu(x);
  }
  if (name == "leaky_relu") {
    return leaky_relu(x, 0.2);
  }
  if (name == "sigmoid") {
    return sigmoid(x);
  }
  if (name == "tanh") {
    return tanh(x);
  }
  return gelu(x, name == "gelu" ? GeluApproximation::none : GeluApproximation::tanh);
}

const std::vector<std::string> names{"relu", "leaky_relu", "sigmoid", "tanh", "gelu", "gelu_tanh"};

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("activations");
  for (const auto& name : names) {
    CAPTURE(name);
    const Variable<T> x(fixture.get<T>("x"), true);
    const auto y = activate(name, x);
    require_close(y.value(), fixture.get<T>(name + "/y"), tolerance);
    y.backward(fixture.get<T>("dy"));
    require_close(x.grad(), fixture.get<T>(name + "/dx"), tolerance);
  }
}

/// Each element to its own size, small ones too.
void check_relative(const std::string& name, double x, double expected) {
  CAPTURE(name, x);
  const double y = activate(name, Variable<double>(Tensor<double>::scalar(x))).item();
  CHECK(y == Approx(expected).epsilon(1e-9).margin(0));
}

}  // namespace

TEST_CASE("activations agree with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("activations keep the relative accuracy of small and large values") {
  for (const double x : {-40.0, -5.0, -0.7, -1e-3, -1e-9, 1e-9, 1e-3, 0.6, 0.7, 5.0, 40.0}) {
    check_relative("sigmoid", x, 1 / (1 + std::exp(-x)));
    check_relative("tanh", x, std::tanh(x));
    if (x > -30) {
      check_relative("gelu", x, x / 2 * std::erfc(-x / std::sqrt(2.0)));
    }
  }
}

TEST_CASE("activations have the gradients of their values") {
  for (const auto& name : names) {
    for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{2, 3, 2, 5}}) {
      const auto result =
          gradcheck([&](const auto& v) { return std::vector{activate(name, v[0])}; },
                    {away_from_zero<double>(shape, 1)});
      INFO(name << '\n' << result.log);
      CHECK(result);
    }
  }
}

TEST_CASE("activations at the kink take the gradient of the negative side") {
  const Variable<double> x(Tensor<double>::zeros({1}), true);
  relu(x).backward();
  CHECK(x.grad().item() == 0);
  leaky_relu(x, 0.25).backward();
  CHECK(x.grad().item() == 0.25);
}

TEST_CASE("activations pass on what is not a number") {
  const Variable<float> x(Tensor<float>::full({9}, std::numeric_limits<float>::quiet_NaN()));
  for (const auto& name : names) {
    const auto y = activate(name, x).value();
    CAPTURE(name);
    CHECK(std::isnan(y(0)));
    CHECK(std::isnan(y(8)));
  }
}

TEST_CASE("activations saturate") {
  const Variable<float> x(Tensor<float>({4}, {-1000, 1000, -1e30F, 1e30F}));
  const auto s = sigmoid(x).value();
  const auto t = tanh(x).value();
  for (const Index i : {0, 2}) {
    CHECK(s(i) == Approx(0).margin(1e-30));
    CHECK(s(i + 1) == 1);
    CHECK(t(i) == -1);
    CHECK(t(i + 1) == 1);
  }
}

TEST_CASE("activations of large tensors are the same for any number of threads") {
  const auto values = random_tensor<float>({40001}, 1);
  for (const auto& name : names) {
    CAPTURE(name);
    std::vector<Tensor<float>> results;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      const Variable<float> x(values, true);
      const auto y = activate(name, x);
      y.backward(values);
      results.push_back(y.value());
      results.push_back(x.grad());
    }
    set_threads(0);
    for (std::size_t i = 2; i < results.size(); ++i) {
      CHECK(std::ranges::equal(results[i].span(), results[i % 2].span()));
    }
  }
}

TEST_CASE("activations as layers") {
  const Variable<float> x(Tensor<float>({2}, {-1, 2}));
  CHECK(nn::Relu<float>()(x).value()(0) == 0);
  CHECK(nn::LeakyRelu<float>(0.5)(x).value()(0) == -0.5F);
  CHECK(nn::Sigmoid<float>()(x).value()(1) == Approx(0.880797));
  CHECK(nn::Tanh<float>()(x).value()(1) == Approx(0.964028));
  CHECK(nn::Gelu<float>()(x).value()(1) == Approx(1.954500));
  CHECK(nn::Gelu<float>(GeluApproximation::tanh)(x).value()(1) == Approx(1.954598));
  CHECK(nn::LeakyRelu<float>().describe() == "LeakyRelu(slope 0.01)");
  CHECK(nn::Gelu<float>().describe() == "Gelu()");
  CHECK(nn::Gelu<float>(GeluApproximation::tanh).describe() == "Gelu(tanh)");
  CHECK(nn::Relu<float>().parameter_count() == 0);
  CHECK_THROWS_WITH(nn::LeakyRelu<float>(std::numeric_limits<double>::infinity()),
                    "LeakyRelu: expected a finite slope, got inf");
}
