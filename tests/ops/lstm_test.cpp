#include "cnnrnn/ops/lstm.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

struct Case {
  Index n, t, f, u, directions;
};

/// Odd sizes on purpose: one sequence, one step, units that are no whole packet, a rim of a block.
const std::vector<Case> cases{{2, 4, 3, 5, 1}, {1, 3, 2, 8, 2}, {3, 1, 4, 1, 2}, {26, 2, 1, 19, 2}};

template <class T>
using Tensors = std::vector<Tensor<T>>;

/// x, h0, c0, then the weights of the directions.
template <class T>
Tensors<T> random_inputs(const Case& k) {
  Tensors<T> inputs{random_tensor<T>({k.n, k.t, k.f}, 1),
                    random_tensor<T>({k.directions, k.n, k.u}, 2),
                    random_tensor<T>({k.directions, k.n, k.u}, 3)};
  for (Index direction = 0; direction < k.directions; ++direction) {
    std::uint64_t seed = 4 + static_cast<std::uint64_t>(4 * direction);
    for (const Shape& shape :
         {Shape{4 * k.u, k.f}, Shape{4 * k.u, k.u}, Shape{4 * k.u}, Shape{4 * k.u}}) {
      inputs.push_back(random_tensor<T>(shape, seed++));
    }
  }
  return inputs;
}

template <class T>
std::vector<LstmWeights<T>> weights_from(const std::vector<Variable<T>>& v, std::size_t first) {
  std::vector<LstmWeights<T>> weights;
  for (std::size_t i = first; i + 3 < v.size(); i += 4) {
    weights.push_back({v[i], v[i + 1], v[i + 2], v[i + 3]});
  }
  return weights;
}

/// The layer as a function of the inputs above.
template <class T>
std::vector<Variable<T>> layer(const std::vector<Variable<T>>& v) {
  const auto output = lstm_layer(v[0], weights_from(v, 3), {v[1], v[2]});
  return {output.y, output.h, output.c};
}

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

/// One step of one sequence, gate by gate; h and c are replaced.
template <class T>
void reference_step(const T* x, const Tensor<T>* w, Index f, std::vector<double>& h,
                    std::vector<double>& c) {
  const Index u = w[1].dim(1);
  const auto before = h;
  for (Index unit = 0; unit < u; ++unit) {
    std::array<double, 4> gate{};
    for (std::size_t g = 0; g < 4; ++g) {
      const Index row = static_cast<Index>(g) * u + unit;
      gate[g] = static_cast<double>(w[2](row)) + static_cast<double>(w[3](row));
      for (Index i = 0; i < f; ++i) {
        gate[g] += static_cast<double>(w[0](row, i)) * static_cast<double>(x[i]);
      }
      for (Index i = 0; i < u; ++i) {
        gate[g] += static_cast<double>(w[1](row, i)) * before[static_cast<std::size_t>(i)];
      }
    }
    auto& state = c[static_cast<std::size_t>(unit)];
    state = sigmoid(gate[1]) * state + sigmoid(gate[0]) * std::tanh(gate[2]);
    h[static_cast<std::size_t>(unit)] = sigmoid(gate[3]) * std::tanh(state);
  }
}

template <class T>
Tensors<T> reference(const Case& k, const Tensors<T>& in) {
  Tensor<T> y({k.n, k.t, k.directions * k.u});
  Tensor<T> h_last({k.directions, k.n, k.u});
  Tensor<T> c_last({k.directions, k.n, k.u});
  for (Index direction = 0; direction < k.directions; ++direction) {
    for (Index n = 0; n < k.n; ++n) {
      const T* const h0 = in[1].data() + (direction * k.n + n) * k.u;
      const T* const c0 = in[2].data() + (direction * k.n + n) * k.u;
      std::vector<double> h(h0, h0 + k.u);
      std::vector<double> c(c0, c0 + k.u);
      for (Index step = 0; step < k.t; ++step) {
        const Index t = direction == 1 ? k.t - 1 - step : step;
        reference_step(in[0].data() + (n * k.t + t) * k.f,
                       &in[3 + 4 * static_cast<std::size_t>(direction)], k.f, h, c);
        for (Index unit = 0; unit < k.u; ++unit) {
          const auto value = static_cast<T>(h[static_cast<std::size_t>(unit)]);
          y.mutable_at(n, t, direction * k.u + unit) = value;
          h_last.mutable_at(direction, n, unit) = value;
          c_last.mutable_at(direction, n, unit) = static_cast<T>(c[static_cast<std::size_t>(unit)]);
        }
      }
    }
  }
  return {y, h_last, c_last};
}

template <class T>
void compare_reference(double tolerance) {
  for (const Case& k : cases) {
    const auto inputs = random_inputs<T>(k);
    const auto expected = reference(k, inputs);
    const auto got = layer(std::vector<Variable<T>>(inputs.begin(), inputs.end()));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(k.n, k.t, k.u, i);
      require_close(got[i].value(), expected[i], tolerance);
    }
  }
}

/// Outputs and gradients of a layer wide enough for several blocks of work.
std::vector<Tensor<float>> forward_and_backward(int thread_count) {
  set_threads(thread_count);
  std::vector<Variable<float>> leaves;
  for (const auto& input : random_inputs<float>({100, 5, 7, 20, 2})) {
    leaves.emplace_back(input, true);
  }
  std::vector<Tensor<float>> results;
  const auto outputs = layer(leaves);
  std::vector<Edge<float>> roots;
  for (const auto& output : outputs) {
    results.push_back(output.value());
    roots.push_back(output.edge());
  }
  backward(roots, std::vector<Tensor<float>>(results));
  for (const auto& leaf : leaves) {
    results.push_back(leaf.grad());
  }
  set_threads(0);
  return results;
}

Variable<double> ones(const Shape& shape) { return {Tensor<double>::ones(shape)}; }

LstmWeights<double> unit_weights(Index f, Index u) {
  return {ones({4 * u, f}), ones({4 * u, u}), ones({4 * u}), ones({4 * u})};
}

}  // namespace

TEST_CASE("an LSTM layer computes the equations") {
  compare_reference<double>(1e-12);
  compare_reference<float>(1e-5);
}

TEST_CASE("an LSTM layer has the gradients of its values") {
  for (const Case& k : {Case{2, 3, 3, 5, 2}, Case{1, 1, 2, 3, 1}, Case{1, 3, 1, 9, 1}}) {
    const auto result = gradcheck(layer<double>, random_inputs<double>(k));
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("stacked LSTM layers have the gradients of their values") {
  const Index n = 2, u = 2;
  auto inputs = random_inputs<double>({n, 2, 3, u, 2});
  inputs[1] = random_tensor<double>({4, n, u}, 20);
  inputs[2] = random_tensor<double>({4, n, u}, 21);
  const auto upper = random_inputs<double>({n, 2, 2 * u, u, 2});
  inputs.insert(inputs.end(), upper.begin() + 3, upper.end());
  const auto stack = [](const std::vector<Variable<double>>& v) {
    const auto weights = weights_from(v, 3);
    const auto output =
        lstm<double>(v[0], {{weights[0], weights[1]}, {weights[2], weights[3]}}, {v[1], v[2]});
    return std::vector{output.y, output.h, output.c};
  };
  const auto result = gradcheck(stack, inputs);
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("an LSTM without states or biases starts from zeros") {
  const Case k{3, 4, 2, 6, 2};
  auto inputs = random_inputs<double>(k);
  for (const std::size_t zero : {1U, 2U, 5U, 6U, 9U, 10U}) {
    inputs[zero] = Tensor<double>::zeros(inputs[zero].shape());
  }
  const auto expected = reference(k, inputs);
  const Variable<double> x(inputs[0], true);
  const std::vector<LstmWeights<double>> weights{{inputs[3], inputs[4], {}, {}},
                                                 {inputs[7], inputs[8], {}, {}}};
  const auto output = lstm<double>(x, {weights});
  require_close(output.y.value(), expected[0], 1e-12);
  require_close(output.h.value(), expected[1], 1e-12);
  require_close(output.c.value(), expected[2], 1e-12);
  output.c.backward(Tensor<double>::ones(output.c.shape()));
  CHECK(x.grad().defined());
}

TEST_CASE("an LSTM gives the same bytes for any number of threads") {
  const auto expected = forward_and_backward(1);
  for (const int thread_count : {2, 3}) {
    const auto got = forward_and_backward(thread_count);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(thread_count, i);
      REQUIRE(got[i].defined());
      CHECK(std::memcmp(got[i].data(), expected[i].data(),
                        static_cast<std::size_t>(got[i].size()) * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("an LSTM takes an empty batch") {
  const Variable<double> x(Tensor<double>({0, 2, 3}), true);
  auto weights = unit_weights(3, 4);
  weights.weight_hh = Variable<double>(weights.weight_hh.value(), true);
  const auto output = lstm_layer<double>(x, {weights});
  CHECK(output.y.shape() == Shape{0, 2, 4});
  CHECK(output.h.shape() == Shape{1, 0, 4});
  output.y.backward(Tensor<double>(output.y.shape()));
  require_close(weights.weight_hh.grad(), Tensor<double>::zeros({16, 4}), 0);
}

TEST_CASE("an LSTM notices that its weights or its input were changed") {
  auto weights = unit_weights(1, 1);
  Variable<double> x(Tensor<double>::ones({1, 2, 1}), true);
  const auto first = lstm_layer<double>(x, {weights});
  weights.weight_hh.mutable_value().mutable_data()[0] = 2;
  CHECK_THROWS_AS(first.y.backward(ones({1, 2, 1}).value()), GraphError);
  const auto second = lstm_layer<double>(x, {weights});
  x.mutable_value().mutable_data()[0] = 2;
  CHECK_THROWS_AS(second.h.backward(ones({1, 1, 1}).value()), GraphError);
}

TEST_CASE("an LSTM goes back from states of its own") {
  const auto input = random_inputs<double>({2, 3, 2, 4, 1});
  const auto gradient = [&](bool change) {
    std::vector<Variable<double>> leaves;
    for (const auto& tensor : input) {
      leaves.emplace_back(tensor, true);
    }
    auto outputs = layer(leaves);
    if (change) {
      outputs[0].mutable_value().mutable_data()[0] = 2;
    }
    outputs[1].backward(Tensor<double>::ones(outputs[1].shape()));
    return leaves[4].grad();
  };
  require_close(gradient(true), gradient(false), 0);
}

TEST_CASE("lstm says what it expected and what came") {
  using Layers = std::vector<std::vector<LstmWeights<double>>>;
  const auto weights = unit_weights(3, 2);
  const Layers one{{weights}};
  const auto x = ones({4, 5, 3});
  CHECK_THROWS_WITH(lstm(ones({4, 5, 2}), one),
                    "lstm: expected an input (N, T, 3) of at least one step, got (4, 5, 2)");
  CHECK_THROWS_WITH(lstm(ones({4, 0, 3}), one), Contains("at least one step, got (4, 0, 3)"));
  CHECK_THROWS_WITH(lstm(ones({4, 3}), one), Contains("(N, T, F)") && Contains("got (4, 3)"));
  CHECK_THROWS_WITH(lstm(x, Layers{}), "lstm: expected at least one layer, got none");
  CHECK_THROWS_WITH(lstm(x, Layers{{}}), Contains("1 or 2 directions, got 0"));
  CHECK_THROWS_WITH(lstm(x, one, {ones({2, 4, 2}), {}}),
                    "lstm: expected an initial state of shape (1, 4, 2), got (2, 4, 2)");
  auto wrong = weights;
  wrong.weight_hh = ones({8, 3});
  CHECK_THROWS_WITH(lstm(x, Layers{{wrong}}),
                    "lstm: expected a weight_hh of shape (8, 2), got (8, 3)");
  wrong = weights;
  wrong.bias_hh = ones({4});
  CHECK_THROWS_WITH(lstm(x, Layers{{wrong}}), Contains("a bias of shape (8,), got (4,)"));
  const Layers two{{weights}, {unit_weights(2, 2)}};
  CHECK_THROWS_WITH(lstm(x, two, {ones({3, 4, 2}), {}}),
                    "lstm: expected an initial state (2, N, U), got (3, 4, 2)");
}
