#include "cnnrnn/ops/linear.hpp"

#include <array>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("linear");
  for (const std::string name : {"plain", "one", "sequence"}) {
    CAPTURE(name);
    const Variable<T> x(fixture.get<T>(name + "/x"), true);
    const Variable<T> weight(fixture.get<T>(name + "/weight"), true);
    const Variable<T> bias(fixture.get<T>(name + "/bias"), true);
    const auto y = linear(x, weight, bias);
    require_close(y.value(), fixture.get<T>(name + "/y"), tolerance);
    y.backward(fixture.get<T>(name + "/dy"));
    require_close(x.grad(), fixture.get<T>(name + "/dx"), tolerance);
    require_close(weight.grad(), fixture.get<T>(name + "/dweight"), tolerance);
    require_close(bias.grad(), fixture.get<T>(name + "/dbias"), tolerance);
  }
}

}  // namespace

TEST_CASE("linear agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("linear has the gradients of its values") {
  for (const auto& [rows, in, out] : {std::array<Index, 3>{1, 1, 1}, {3, 5, 7}, {14, 33, 35}}) {
    const auto result =
        gradcheck([](const auto& v) { return std::vector{linear(v[0], v[1], v[2])}; },
                  {random_tensor<double>({rows, in}, 1), random_tensor<double>({out, in}, 2),
                   random_tensor<double>({out}, 3)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("linear_relu equals linear and relu, values and gradients") {
  for (const auto& [rows, in, out] : {std::array<Index, 3>{1, 1, 1}, {3, 5, 7}, {14, 33, 35}}) {
    std::array<std::vector<Variable<double>>, 2> inputs;
    std::array<Tensor<double>, 2> values;
    for (const bool fused : {false, true}) {
      auto& v = inputs[fused ? 1 : 0];
      v.emplace_back(random_tensor<double>({rows, in}, 1), true);
      v.emplace_back(random_tensor<double>({out, in}, 2), true);
      v.emplace_back(random_tensor<double>({out}, 3), true);
      const auto y = fused ? linear_relu(v[0], v[1], v[2]) : relu(linear(v[0], v[1], v[2]));
      y.backward(random_tensor<double>(y.shape(), 4));
      values[fused ? 1 : 0] = y.value();
    }
    require_close(values[1], values[0], 0);
    for (std::size_t i = 0; i < 3; ++i) {
      require_close(inputs[1][i].grad(), inputs[0][i].grad(), 0);
    }
  }
}

TEST_CASE("linear without a bias") {
  const auto y = linear(Variable<double>(Tensor<double>({1, 2}, {1, 2})),
                        Variable<double>(Tensor<double>({1, 2}, {3, 4})));
  CHECK(y.item() == 11);
}

TEST_CASE("linear says what it expected and what came") {
  const auto ones = [](const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); };
  CHECK_THROWS_WITH(linear(ones({2, 3}), ones({4, 5})),
                    "linear: expected input features 5, got (2, 3)");
  CHECK_THROWS_WITH(linear(ones({2, 3}), ones({3})), Contains("weight (O, I), got (3,)"));
  CHECK_THROWS_WITH(linear(ones({2, 3}), ones({4, 3}), ones({3})), Contains("(4,), got (3,)"));
  Random random(1);
  CHECK_THROWS_WITH((nn::Linear<float>(0, 4, random)), Contains("got 0 and 4"));
}

TEST_CASE("Linear owns a weight and a bias of PyTorch's shapes") {
  Random random(1);
  nn::Linear<float> layer(3, 4, random);
  const auto parameters = layer.named_parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].first == "weight");
  CHECK(parameters[0].second.shape() == Shape{4, 3});
  CHECK(parameters[1].first == "bias");
  CHECK(layer.parameter_count() == 16);
  CHECK(nn::Linear<float>(3, 4, {.bias = false}, random).parameter_count() == 12);
  CHECK(layer.describe() == "Linear(3, 4)");
}
