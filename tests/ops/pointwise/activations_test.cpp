#include "cnnrnn/nn/activations.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// PyTorch's case, what `f` says of each element, odd shapes, and many blocks.
template <class F>
std::vector<OpCase> activation(const std::string& name, const Op& op, const F& f) {
  const Reference reference = [f](const Tensors<double>& in) {
    Tensor<double> y(in[0].shape());
    std::ranges::transform(in[0].span(), y.mutable_data(), f);
    return y;
  };
  std::vector<OpCase> cases{pytorch_case(Fixture("activations"), name, {"x"}, op)};
  for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{2, 3, 2, 5}}) {
    cases.push_back({to_message(shape), {away_from_zero<double>(shape, 1)}, op, reference});
  }
  // Both sides of the kinks at -3, 3 and 6.
  const Tensor<double> wide({9}, {-7.1, -3.2, -2.9, -1.3, 0.4, 2.9, 3.2, 5.9, 6.3});
  cases.push_back({"wide", {wide}, op, reference});
  cases.push_back({"many blocks",
                   {random_tensor<double>({40001}, 1)},
                   op,
                   reference,
                   {},
                   Gradcheck::too_large});
  return cases;
}

/// A layer of the activation.
template <class Make>
std::vector<OpCase> layer(Make make, const Op& op) {
  return {{"a matrix",
           {away_from_zero<double>({3, 5}, 1)},
           layer_op(make),
           [op](const Tensors<double>& in) { return op(leaves_of<double>(in)); }}};
}

double exact_gelu(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }

double gelu_by_tanh(double x) {
  return x / 2 *
         (1 +
          std::tanh(std::sqrt(std::acos(0.0)) * 2 / std::acos(-1.0) * (x + 0.044715 * x * x * x)));
}

const Op relu_op = [](const auto& v) { return relu(v[0]); };
const Op leaky_relu_op = [](const auto& v) { return leaky_relu(v[0], 0.2); };
const Op sigmoid_op = [](const auto& v) { return sigmoid(v[0]); };
const Op tanh_op = [](const auto& v) { return tanh(v[0]); };
const Op relu6_op = [](const auto& v) { return relu6(v[0]); };
const Op silu_op = [](const auto& v) { return silu(v[0]); };
const Op hard_sigmoid_op = [](const auto& v) { return hard_sigmoid(v[0]); };
const Op hard_swish_op = [](const auto& v) { return hard_swish(v[0]); };
const Op gelu_op = [](const auto& v) { return gelu(v[0]); };
const Op gelu_tanh_op = [](const auto& v) { return gelu(v[0], GeluApproximation::tanh); };

const std::vector<std::pair<std::string, Op>> all{{"relu", relu_op},
                                                  {"leaky_relu", leaky_relu_op},
                                                  {"sigmoid", sigmoid_op},
                                                  {"tanh", tanh_op},
                                                  {"gelu", gelu_op},
                                                  {"gelu_tanh", gelu_tanh_op},
                                                  {"relu6", relu6_op},
                                                  {"silu", silu_op},
                                                  {"hard_sigmoid", hard_sigmoid_op},
                                                  {"hard_swish", hard_swish_op}};

/// Each element to its own size, small ones too.
void check_relative(const Op& op, double x, double expected) {
  CAPTURE(x);
  const double y = op(Variables<double>{Tensor<double>::scalar(x)})[0].item();
  CHECK(y == Approx(expected).epsilon(1e-9).margin(0));
}

}  // namespace

TEST_CASE("activations") {
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto hard_logistic = [](double x) { return std::clamp(x + 3, 0.0, 6.0) / 6; };
  check_op("relu", activation("relu", relu_op, [](double x) { return std::max(x, 0.0); }));
  check_op("leaky_relu",
           activation("leaky_relu", leaky_relu_op, [](double x) { return x > 0 ? x : 0.2 * x; }));
  check_op("sigmoid", activation("sigmoid", sigmoid_op, logistic));
  check_op("tanh", activation("tanh", tanh_op, [](double x) { return std::tanh(x); }));
  check_op("relu6",
           activation("relu6", relu6_op, [](double x) { return std::clamp(x, 0.0, 6.0); }));
  check_op("silu", activation("silu", silu_op, [=](double x) { return x * logistic(x); }));
  check_op("hard_sigmoid", activation("hard_sigmoid", hard_sigmoid_op, hard_logistic));
  check_op("hard_swish",
           activation("hard_swish", hard_swish_op, [=](double x) { return x * hard_logistic(x); }));
  check_op("gelu", activation("gelu", gelu_op, exact_gelu));
  check_op("gelu", activation("gelu_tanh", gelu_tanh_op, gelu_by_tanh));
}

TEST_CASE("activations as layers") {
  check_op("Relu", layer([]<class T>(T, Random&) { return nn::Relu<T>(); }, relu_op));
  check_op(
      "LeakyRelu", layer([]<class T>(T, Random&) { return nn::LeakyRelu<T>(0.2); }, leaky_relu_op),
      {throws<ValueError>([] { nn::LeakyRelu<float>{std::numeric_limits<double>::infinity()}; },
                          "LeakyRelu: expected a finite slope, got inf")});
  check_op("Sigmoid", layer([]<class T>(T, Random&) { return nn::Sigmoid<T>(); }, sigmoid_op));
  check_op("Tanh", layer([]<class T>(T, Random&) { return nn::Tanh<T>(); }, tanh_op));
  check_op("Relu6", layer([]<class T>(T, Random&) { return nn::Relu6<T>(); }, relu6_op));
  check_op("Silu", layer([]<class T>(T, Random&) { return nn::Silu<T>(); }, silu_op));
  check_op("HardSigmoid",
           layer([]<class T>(T, Random&) { return nn::HardSigmoid<T>(); }, hard_sigmoid_op));
  check_op("HardSwish",
           layer([]<class T>(T, Random&) { return nn::HardSwish<T>(); }, hard_swish_op));
  check_op("Gelu", layer([]<class T>(T, Random&) { return nn::Gelu<T>(); }, gelu_op));
  check_op("Gelu", layer([]<class T>(T, Random&) { return nn::Gelu<T>(GeluApproximation::tanh); },
                         gelu_tanh_op));
  CHECK(nn::LeakyRelu<float>().describe() == "LeakyRelu(slope 0.01)");
  CHECK(nn::Gelu<float>().describe() == "Gelu()");
  CHECK(nn::Gelu<float>(GeluApproximation::tanh).describe() == "Gelu(tanh)");
  CHECK(nn::Relu<float>().describe() == "Relu()");
  CHECK(nn::Sigmoid<float>().describe() == "Sigmoid()");
  CHECK(nn::Tanh<float>().describe() == "Tanh()");
  CHECK(nn::Relu6<float>().describe() == "Relu6()");
  CHECK(nn::Silu<float>().describe() == "Silu()");
  CHECK(nn::HardSigmoid<float>().describe() == "HardSigmoid()");
  CHECK(nn::HardSwish<float>().describe() == "HardSwish()");
  CHECK(nn::Relu<float>().parameter_count() == 0);
}

TEST_CASE("activations keep the relative accuracy of small and large values") {
  for (const double x : {-40.0, -5.0, -0.7, -1e-3, -1e-9, 1e-9, 1e-3, 0.6, 0.7, 5.0, 40.0}) {
    check_relative(sigmoid_op, x, 1 / (1 + std::exp(-x)));
    check_relative(tanh_op, x, std::tanh(x));
    check_relative(silu_op, x, x / (1 + std::exp(-x)));
    if (x > -30) {
      check_relative(gelu_op, x, exact_gelu(x));
    }
  }
}

/// The gradients of the op at -3, 0, 3 and 6.
std::vector<double> at_kinks(const Op& op) {
  const Variable<double> x(Tensor<double>({4}, {-3, 0, 3, 6}), true);
  op({x})[0].backward(Tensor<double>::ones({4}));
  const auto dx = x.grad().span();
  return {dx.begin(), dx.end()};
}

TEST_CASE("activations at the kink take the gradient of the flat or negative side") {
  using Gradients = std::vector<double>;
  CHECK(at_kinks(relu6_op) == Gradients{0, 0, 1, 0});
  CHECK(at_kinks(hard_sigmoid_op) == Gradients{0, 1.0 / 6, 0, 0});
  CHECK(at_kinks(hard_swish_op) == Gradients{0, 0.5, 1, 1});
  const Variable<double> x(Tensor<double>::zeros({1}), true);
  relu(x).backward();
  CHECK(x.grad().item() == 0);
  leaky_relu(x, 0.25).backward();
  CHECK(x.grad().item() == 0.25);
}

TEST_CASE("activations pass on what is not a number") {
  const Variable<float> x(Tensor<float>::full({9}, std::numeric_limits<float>::quiet_NaN()));
  for (const auto& [name, op] : all) {
    const auto y = op({x})[0].value();
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
