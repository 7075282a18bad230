#include "cnnrnn/nn/linear.hpp"

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// y = x W^T + b by plain sums.
Tensor<double> naive(const Tensors<double>& in) {
  const auto& [x, weight] = std::tie(in[0], in[1]);
  Tensor<double> y({x.dim(0), weight.dim(0)});
  for (Index row = 0; row < x.dim(0); ++row) {
    for (Index o = 0; o < weight.dim(0); ++o) {
      double sum = in.size() > 2 ? in[2](o) : 0;
      for (Index i = 0; i < x.dim(1); ++i) {
        sum += x(row, i) * weight(o, i);
      }
      y.mutable_at(row, o) = sum;
    }
  }
  return y;
}

Tensor<double> naive_relu(const Tensors<double>& in) {
  auto y = naive(in);
  for (double& value : y.mutable_span()) {
    value = std::max(value, 0.0);
  }
  return y;
}

std::vector<OpCase> cases(const Op& op, const Reference& reference) {
  std::vector<OpCase> all;
  for (const auto& [rows, in, out] :
       {std::array<Index, 3>{1, 1, 1}, {3, 5, 7}, {14, 33, 35}, {130, 65, 41}}) {
    all.push_back({to_message(rows, " x ", in, " to ", out),
                   {random_tensor<double>({rows, in}, 1), random_tensor<double>({out, in}, 2),
                    random_tensor<double>({out}, 3)},
                   op,
                   reference,
                   {},
                   rows > 100 ? Gradcheck::too_large : Gradcheck::yes});
  }
  return all;
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

}  // namespace

TEST_CASE("linear") {
  const Op op = [](const auto& v) { return linear(v[0], v[1], v[2]); };
  auto all = cases(op, naive);
  for (const std::string name : {"plain", "one", "sequence"}) {
    all.push_back(pytorch_case(Fixture("linear"), name, {"x", "weight", "bias"}, op));
  }
  all.push_back({"no bias",
                 {random_tensor<double>({3, 5}, 1), random_tensor<double>({7, 5}, 2)},
                 [](const auto& v) { return linear(v[0], v[1]); },
                 naive});
  check_op("linear", all,
           {throws<ShapeError>(
                [] {
                  linear(ones({2, 3}), ones({4, 5}));
                },
                "linear: expected input features 5, got (2, 3)"),
            throws<ShapeError>(
                [] {
                  linear(ones({2, 3}), ones({3}));
                },
                "linear: expected a weight (O, I), got (3,)"),
            throws<ShapeError>(
                [] {
                  linear(ones({2, 3}), ones({4, 3}), ones({3}));
                },
                "linear: expected a bias of shape (4,), got (3,)")});
}

TEST_CASE("linear of no features is the bias") {
  const Variable<float> bias(Tensor<float>({2}, {3, -4}), true);
  const auto y = linear(ones({2, 3, 0}), ones({2, 0}), bias);
  require_close(y.value(), Tensor<float>({2, 3, 2}, {3, -4, 3, -4, 3, -4, 3, -4, 3, -4, 3, -4}), 0);
  y.backward(Tensor<float>::ones(y.shape()));
  require_close(bias.grad(), Tensor<float>({2}, {6, 6}), 0);
}

TEST_CASE("linear_relu") {
  auto all = cases([](const auto& v) { return linear_relu(v[0], v[1], v[2]); }, naive_relu);
  all[0].gradcheck = Gradcheck::all_zero;  // its only sum is negative
  check_op("linear_relu", all,
           {throws<ShapeError>(
               [] {
                 linear_relu(ones({2, 3}), ones({4, 5}));
               },
               "linear: expected input features 5, got (2, 3)")});
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

TEST_CASE("Linear") {
  const auto make = []<class T>(T, Random& random) { return nn::Linear<T>(3, 4, random); };
  const auto bare = []<class T>(T, Random& random) {
    return nn::Linear<T>(3, 4, {.bias = false}, random);
  };
  const auto x = random_tensor<double>({5, 3}, 1);
  Random random(1);
  check_op("Linear",
           {{"with a bias", layer_inputs(make, x), layer_op(make), naive},
            {"without", layer_inputs(bare, x), layer_op(bare), naive}},
           {throws<ValueError>([&] { nn::Linear<float>(0, 4, random); },
                               "Linear: expected positive widths, got 0 and 4"),
            throws<ValueError>([&] { nn::Linear<float>(3, 4, {.zero_inputs = 4}, random); },
                               "Linear: expected 0 to 3 inputs that start at zero, got 4")});
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

TEST_CASE("Linear keeps its packed weight outside training until it changes") {
  Random random(1);
  nn::Linear<double> layer(33, 35, random);
  layer.eval();
  const auto check = [&](Index rows) {
    const Variable<double> x(random_tensor<double>({2, rows, 33}, 4));
    const auto expected =
        linear(x, layer.named_parameters()[0].second, layer.named_parameters()[1].second);
    const NoGradGuard no_grad;
    require_close(layer(x).value(), expected.value(), 1e-12);
    require_close(layer(x).value(), expected.value(), 1e-12);
  };
  for (const Index rows : {1, 7, 300}) {
    check(rows);
  }
  for (auto& [name, parameter] : layer.named_parameters()) {
    CAPTURE(name);
    parameter.mutable_value().mutable_data()[1] += 0.5;
    check(7);
  }
  const NoGradGuard no_grad;
  CHECK_THROWS_AS(layer(Variable<double>(Tensor<double>({20, 5}))), ShapeError);
}
