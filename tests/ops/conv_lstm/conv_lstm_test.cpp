#include "cnnrnn/ops/conv_lstm.hpp"

#include <cmath>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/slice.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv_lstm_reference.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

/// Odd sizes on purpose: one sequence, one step, channels that are no whole packet, a rim of a
/// block, maps that are not square or smaller than the kernel, tiles of Winograd's partly outside.
const std::vector<ConvLstmSizes> cases{
    {2, 3, 3, 2, 3, 5, 1},
    {1, 1, 4, 4, 1, 1, 2, {3}, ConvLstmPeepholes::previous},
    {19, 2, 4, 4, 3, 9, 2, {3}, ConvLstmPeepholes::none},
    {2, 2, 6, 7, 2, 3, 2, {3}, ConvLstmPeepholes::previous},
    {2, 3, 2, 2, 2, 3, 2, {5}},
    {3, 2, 3, 5, 2, 4, 1, {1, 3}, ConvLstmPeepholes::none},
    {2, 2, 1, 4, 3, 2, 2, {5, 3}, ConvLstmPeepholes::previous},
    {3, 4, 4, 4, 2, 3, 2, {3}, ConvLstmPeepholes::current, {2, 4, 1}},
    {18,
     3,
     2,
     3,
     1,
     2,
     2,
     {3},
     ConvLstmPeepholes::previous,
     {1, 3, 2, 2, 1, 3, 3, 1, 2, 3, 2, 1, 1, 2, 3, 3, 2, 1}},
    {2, 2, 3, 3, 2, 3, 1, {3}, ConvLstmPeepholes::current, {}, ConvAlgorithm::winograd},
    {2, 2, 4, 5, 2, 26, 2, {3}, ConvLstmPeepholes::current, {}, ConvAlgorithm::direct},
};

OpCase case_of(const ConvLstmSizes& k, Gradcheck gradcheck) {
  return {to_message(k.n, " x ", k.t, " maps ", k.h, " x ", k.w, " x ", k.c, ", ", k.u, " filters"),
          conv_lstm_inputs(k),
          [=](const auto& v) { return run_conv_lstm(k, v); },
          [=](const Tensors<double>& in) { return conv_lstm_reference(k, in); },
          {1e-12, 1e-4},
          gradcheck};
}

/// All sizes against plain loops, and smaller ones against central differences.
std::vector<OpCase> table() {
  std::vector<OpCase> all;
  std::vector<ConvLstmSizes> small(cases);
  small[2].n = 2;
  small[2].u = 3;
  small[8] = {3, 2, 2, 3, 1, 2, 2, {3}, ConvLstmPeepholes::previous, {1, 2, 1}};
  small[10].u = 3;
  small.push_back(
      {2, 2, 3, 3, 2, 2, 2, {3}, ConvLstmPeepholes::current, {}, ConvAlgorithm::winograd});
  for (const auto& k : small) {
    all.push_back(case_of(k, Gradcheck::yes));
  }
  for (const std::size_t large : {2U, 8U, 10U}) {
    all.push_back(case_of(cases[large], Gradcheck::too_large));
  }
  for (const ConvLstmSizes& several_blocks :
       {ConvLstmSizes{70, 3, 4, 4, 5, 9, 2}, ConvLstmSizes{70, 2, 2, 3, 5, 3, 2, {5}}}) {
    all.push_back(case_of(several_blocks, Gradcheck::too_large));
    all.back().reference = {};
  }
  return all;
}

Variable<double> ones(const Shape& shape) { return {Tensor<double>::ones(shape)}; }

/// Weights of ones for C channels and U filters on maps of 4 x 4, without peepholes.
ConvLstmWeights<double> unit_weights(Index c, Index u) {
  return {ones({4 * u, c, 3, 3}), ones({4 * u, u, 3, 3}), ones({4 * u}), {}, {}, {}};
}

const ConvLstmLayerOptions no_peepholes{.peepholes = ConvLstmPeepholes::none};

}  // namespace

TEST_CASE("conv_lstm_layer") {
  using Weights = std::vector<ConvLstmWeights<double>>;
  const auto w = unit_weights(3, 2);
  const auto on = [=](const Shape& x) {
    return [=] { conv_lstm_layer(ones(x), Weights{w}, {}, no_peepholes); };
  };
  const auto with = [](const Weights& directions, const ConvLstmLayerOptions& options,
                       const ConvLstmStates<double>& initial = {}) {
    return [=] { conv_lstm_layer(ones({4, 5, 4, 4, 3}), directions, initial, options); };
  };
  const auto changed = [=](const auto& change) {
    auto wrong = w;
    change(wrong);
    return Weights{wrong};
  };
  const auto peephole_f = changed([](auto& wrong) { wrong.peephole_f = ones({2, 4, 4}); });
  const auto narrow = changed([](auto& wrong) {
    wrong.peephole_f = ones({2, 4, 4});
    wrong.peephole_i = wrong.peephole_o = ones({2, 4, 3});
  });
  const auto even = changed([](auto& wrong) { wrong.weight_ih = ones({8, 3, 2, 3}); });
  const auto five = changed([](auto& wrong) {
    wrong.weight_ih = ones({8, 3, 5, 5});
    wrong.weight_hh = ones({8, 2, 5, 5});
  });
  const auto wide = changed([](auto& wrong) { wrong.weight_hh = ones({8, 3, 3, 3}); });
  const auto bias = changed([](auto& wrong) { wrong.bias = ones({4}); });
  const auto none = ConvLstmPeepholes::none;
  check_op(
      "conv_lstm_layer", table(),
      {throws<ShapeError>(on({4, 5, 4, 4, 2}),
                          "conv_lstm: expected an input (N, T, H, W, 3) of at least one step and "
                          "pixel, got (4, 5, 4, 4, 2)"),
       throws<ShapeError>(on({4, 0, 4, 4, 3}),
                          "conv_lstm: expected an input (N, T, H, W, 3) of at least one step and "
                          "pixel, got (4, 0, 4, 4, 3)"),
       throws<ShapeError>(on({4, 5, 0, 4, 3}),
                          "conv_lstm: expected an input (N, T, H, W, 3) of at least one step and "
                          "pixel, got (4, 5, 0, 4, 3)"),
       throws<ShapeError>(
           on({4, 4, 4, 3}),
           "conv_lstm: expected an input (N, T, H, W, C) and a weight_ih (4U, C, KH, "
           "KW), got (4, 4, 4, 3) and (8, 3, 3, 3)"),
       throws<ShapeError>(with({}, no_peepholes),
                          "conv_lstm: expected the weights of 1 or 2 directions, got 0"),
       throws<ShapeError>(with({w, w, w}, no_peepholes),
                          "conv_lstm: expected the weights of 1 or 2 directions, got 3"),
       throws<ShapeError>(
           with(wide, no_peepholes),
           "conv_lstm: expected a weight_hh of shape (8, 2, 3, 3), got (8, 3, 3, 3)"),
       throws<ShapeError>(with(bias, no_peepholes),
                          "conv_lstm: expected a bias of shape (8,), got (4,)"),
       throws<ShapeError>(with(peephole_f, no_peepholes),
                          "conv_lstm: expected no peepholes, got one of shape (2, 4, 4)"),
       throws<ShapeError>(with({w}, {}),
                          "conv_lstm: expected peepholes (2, 4, 4), got undefined ones"),
       throws<ShapeError>(with(narrow, {}),
                          "conv_lstm: expected a peephole of shape (2, 4, 4), got (2, 4, 3)"),
       throws<ShapeError>(with(even, no_peepholes), "conv_lstm: expected an odd kernel, got 2x3"),
       throws<ShapeError>(with({w}, no_peepholes, {ones({2, 4, 4, 4, 2}), {}}),
                          "conv_lstm: expected an initial state of shape (1, 4, 4, 4, 2), got (2, "
                          "4, 4, 4, 2)"),
       throws<ShapeError>(with({w}, {none, {5, 5}}), "conv_lstm: expected 4 lengths, got 2"),
       throws<ValueError>(with({w}, {none, {5, 6, 1, 1}}),
                          "conv_lstm: expected lengths from 1 to 5, got 6"),
       throws<ValueError>(with({w}, {none, {5, 0, 1, 1}}),
                          "conv_lstm: expected lengths from 1 to 5, got 0"),
       throws<ValueError>(with(five, {none, {}, ConvAlgorithm::winograd}),
                          "conv_lstm: expected a 3x3 kernel for Winograd's algorithm, got 5x5")});
}

TEST_CASE("a ConvLSTM of one pixel is an LSTM with peepholes") {
  const auto sigmoid = [](double a) { return 1 / (1 + std::exp(-a)); };
  const Index n = 3, t = 4, f = 5, u = 6;
  const ConvLstmSizes k{n, t, 1, 1, f, u, 1, {1}, ConvLstmPeepholes::current};
  const auto in = conv_lstm_inputs(k);
  const auto output = run_conv_lstm(k, leaves_of<double>(in));
  for (Index sequence = 0; sequence < n; ++sequence) {
    std::vector<double> h(in[1].data() + sequence * u, in[1].data() + (sequence + 1) * u);
    std::vector<double> c(in[2].data() + sequence * u, in[2].data() + (sequence + 1) * u);
    for (Index time = 0; time < t; ++time) {
      const double* const x = in[0].data() + (sequence * t + time) * f;
      std::vector<double> sums(in[5].data(), in[5].data() + 4 * u);
      for (Index row = 0; row < 4 * u; ++row) {
        for (Index j = 0; j < f; ++j) {
          sums[static_cast<std::size_t>(row)] += in[3].data()[row * f + j] * x[j];
        }
        for (Index j = 0; j < u; ++j) {
          sums[static_cast<std::size_t>(row)] +=
              in[4].data()[row * u + j] * h[static_cast<std::size_t>(j)];
        }
      }
      for (Index unit = 0; unit < u; ++unit) {
        const auto at = static_cast<std::size_t>(unit);
        const auto units = static_cast<std::size_t>(u);
        const double i = sigmoid(sums[at] + in[6].data()[unit] * c[at]);
        const double forget = sigmoid(sums[units + at] + in[7].data()[unit] * c[at]);
        c[at] = forget * c[at] + i * std::tanh(sums[2 * units + at]);
        const double o = sigmoid(sums[3 * units + at] + in[8].data()[unit] * c[at]);
        h[at] = o * std::tanh(c[at]);
        CHECK(output[0].value()(sequence, time, 0, 0, unit) == Approx(h[at]).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("a ConvLSTM starts from zeros without states, bias and peepholes") {
  ConvLstmSizes k{3, 2, 4, 4, 2, 3, 2};
  auto inputs = conv_lstm_inputs(k);
  for (const std::size_t zero : {1U, 2U, 5U, 6U, 7U, 8U, 11U, 12U, 13U, 14U}) {
    inputs[zero] = Tensor<double>::zeros(inputs[zero].shape());
  }
  const auto expected = conv_lstm_reference(k, inputs);
  const Variable<double> x(inputs[0], true);
  const std::vector<ConvLstmWeights<double>> weights{{inputs[3], inputs[4], {}, {}, {}, {}},
                                                     {inputs[9], inputs[10], {}, {}, {}, {}}};
  const auto output = conv_lstm_layer<double>(x, weights, {}, no_peepholes);
  require_close(output.y.value(), expected[0], 1e-12);
  require_close(output.h.value(), expected[1], 1e-12);
  require_close(output.c.value(), expected[2], 1e-12);
  output.c.backward(Tensor<double>::ones(output.c.shape()));
  CHECK(x.grad().defined());
  const NoGradGuard no_grad;
  CHECK(conv_lstm_layer<double>(x, weights, {}, no_peepholes).y.value()(2, 1, 3, 3, 5) ==
        output.y.value()(2, 1, 3, 3, 5));
}

TEST_CASE("what lies past the end of a ConvLSTM's sequence does not count") {
  const ConvLstmSizes k = cases[7];
  const auto inputs = conv_lstm_inputs(k);
  auto changed = inputs;
  changed[0] = inputs[0].clone();
  double* const padding = changed[0].mutable_data() + 2 * k.h * k.w * k.c;  // sequence 0, step 2
  std::fill_n(padding, 2 * k.h * k.w * k.c, 1e3);
  const auto run = [&](const Tensors<double>& in) {
    const auto leaves = leaves_of<double>(in);
    const auto output = run_conv_lstm<double>(k, leaves);
    output[0].backward(Tensor<double>::ones(output[0].shape()));
    Tensors<double> results{output[0].value(), output[1].value(), output[2].value()};
    for (const auto& leaf : leaves) {
      results.push_back(leaf.grad());
    }
    return results;
  };
  const auto expected = run(inputs);
  const auto got = run(changed);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    require_close(got[i], expected[i], 1e-12);
  }
  CHECK(expected[3](0, 2, 0, 0, 0) == 0);
}

TEST_CASE("a ConvLSTM's gradients are the sums of those of its parts") {
  // So large that the weights' gradients are summed in more than one range.
  const ConvLstmSizes all{70, 4, 8, 8, 5, 6, 2};
  const auto inputs = conv_lstm_inputs(all);
  const auto run = [&](Index first, Index count) {
    ConvLstmSizes part = all;
    part.n = count;
    std::vector<Variable<double>> leaves;
    leaves.emplace_back(slice(Variable<double>(inputs[0]), 0, first, count).value(), true);
    for (const std::size_t state : {1U, 2U}) {
      leaves.emplace_back(slice(Variable<double>(inputs[state]), 1, first, count).value(), true);
    }
    for (std::size_t i = 3; i < inputs.size(); ++i) {
      leaves.emplace_back(inputs[i], true);
    }
    const auto y = run_conv_lstm<double>(part, leaves)[0];
    y.backward(Tensor<double>::ones(y.shape()));
    return leaves;
  };
  const auto whole = run(0, 70);
  const auto half = run(0, 33);
  const auto rest = run(33, 37);
  for (std::size_t i = 3; i < inputs.size(); ++i) {
    CAPTURE(i);
    require_close(whole[i].grad(), add<double>(half[i].grad(), rest[i].grad()).value(), 1e-12);
  }
  const auto dx = concat<double>({half[0].grad(), rest[0].grad()}, 0);
  require_close(whole[0].grad(), dx.value(), 1e-12);
}

TEST_CASE("a ConvLSTM takes an empty batch") {
  const Variable<double> x(Tensor<double>({0, 2, 4, 4, 3}), true);
  auto weights = unit_weights(3, 2);
  weights.weight_hh = Variable<double>(weights.weight_hh.value(), true);
  weights.bias = Variable<double>(weights.bias.value(), true);
  const auto output = conv_lstm_layer<double>(x, {weights}, {}, no_peepholes);
  CHECK(output.y.shape() == Shape{0, 2, 4, 4, 2});
  CHECK(output.h.shape() == Shape{1, 0, 4, 4, 2});
  output.y.backward(Tensor<double>(output.y.shape()));
  require_close(weights.weight_hh.grad(), Tensor<double>::zeros({8, 2, 3, 3}), 0);
  require_close(weights.bias.grad(), Tensor<double>::zeros({8}), 0);
}

TEST_CASE("a ConvLSTM notices that its weights or its outputs were changed") {
  auto weights = unit_weights(1, 1);
  const Variable<double> x(Tensor<double>::ones({1, 2, 2, 2, 1}), true);
  const auto first = conv_lstm_layer<double>(x, {weights}, {}, no_peepholes);
  weights.weight_hh.mutable_value().mutable_data()[0] = 2;
  CHECK_THROWS_AS(first.y.backward(ones({1, 2, 2, 2, 1}).value()), GraphError);
  auto second = conv_lstm_layer<double>(x, {weights}, {}, no_peepholes);
  second.y.mutable_value().mutable_data()[0] = 2;
  CHECK_THROWS_AS(second.h.backward(ones({1, 1, 2, 2, 1}).value()), GraphError);
}
