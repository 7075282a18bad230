// What an LSTM keeps and what it does without; its equations are in recurrent_test.cpp.
#include "cnnrnn/ops/lstm.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/recurrent_reference.hpp"

using namespace cnnrnn;

namespace {

Variable<double> ones(const Shape& shape) { return {Tensor<double>::ones(shape)}; }

LstmWeights<double> unit_weights(Index f, Index u) {
  return {ones({4 * u, f}), ones({4 * u, u}), ones({4 * u}), ones({4 * u})};
}

}  // namespace

TEST_CASE("an LSTM without states or biases starts from zeros") {
  const RecurrentSizes k{3, 4, 2, 6, 2};
  auto inputs = recurrent_inputs(RecurrentKind::lstm, k);
  for (const std::size_t zero : {1U, 2U, 5U, 6U, 9U, 10U}) {
    inputs[zero] = Tensor<double>::zeros(inputs[zero].shape());
  }
  const auto expected = RecurrentReference(RecurrentKind::lstm, k, inputs).outputs();
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
  const auto input = recurrent_inputs(RecurrentKind::lstm, {2, 3, 2, 4, 1});
  const auto gradient = [&](bool change) {
    const auto leaves = leaves_of<double>(input);
    auto outputs = run_recurrent(RecurrentKind::lstm, leaves);
    if (change) {
      outputs[0].mutable_value().mutable_data()[0] = 2;
    }
    outputs[1].backward(Tensor<double>::ones(outputs[1].shape()));
    return leaves[4].grad();
  };
  require_close(gradient(true), gradient(false), 0);
}
