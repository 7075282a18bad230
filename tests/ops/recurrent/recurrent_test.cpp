// What lstm, gru and rnn compute, each against plain loops over its equations, and their gradients.
#include "cnnrnn/ops/recurrent.hpp"

#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/reshape.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/op_table.hpp"
#include "support/recurrent_bad_calls.hpp"
#include "support/recurrent_reference.hpp"

using namespace cnnrnn;

namespace {

using Kind = RecurrentKind;

/// Odd sizes on purpose: one sequence, one step, units that are no whole packet, a rim of a block.
const std::vector<RecurrentSizes> cases{{2, 4, 3, 5, 1},
                                        {1, 3, 2, 8, 2},
                                        {3, 1, 4, 1, 2},
                                        {26, 2, 1, 19, 2},
                                        {4, 5, 2, 3, 2, {2, 5, 1, 4}},
                                        {27, 3, 2, 17, 1, std::vector<Index>(27, 2)},
                                        {2, 3, 0, 4, 2},
                                        {3, 3, 2, 2, 2, {2, 3, 1}},
                                        {1, 3, 1, 9, 1},
                                        {26, 2, 1, 1, 2},
                                        {9, 3, 2, 5, 2},     // packed weights
                                        {1, 17, 2, 1, 1},    // of few sequences
                                        {5, 5, 1, 1, 1},     // the input of two steps at once
                                        {3, 9, 2, 96, 2},    // threads share the units
                                        {3, 9, 0, 96, 1},    // of no input, too
                                        {2, 9, 3, 140, 1},   // so many that no vector is full
                                        {50, 3, 2, 65, 1}};  // two blocks

template <class T>
std::vector<Variable<T>> constants(const Tensors<T>& tensors) {
  return {tensors.begin(), tensors.end()};
}

/// Inputs of many units, made smaller: else rounding errors grow from step to step.
Tensors<double> tame_inputs(Kind kind, const RecurrentSizes& k) {
  auto inputs = recurrent_inputs(kind, k);
  if (k.u > 50) {
    for (auto& input : inputs) {
      input = input.clone();
      for (double& value : input.mutable_span()) {
        value *= 0.1;
      }
    }
  }
  return inputs;
}

bool small(const RecurrentSizes& k) { return k.n * k.u < 50; }

/// A layer of the kind, against plain loops.
std::vector<OpCase> cases_of(Kind kind) {
  std::vector<OpCase> all;
  const auto add = [&](const RecurrentSizes& k, bool compared) {
    auto& c = all.emplace_back(OpCase{
        to_message(recurrent_name(kind), " of ", k.n, " x ", k.t, " x ", k.f, ", ", k.u, " units"),
        tame_inputs(kind, k),
        [=](const auto& v) { return run_recurrent(kind, v, {.lengths = k.lengths}); }});
    c.gradcheck = small(k) ? Gradcheck::yes : Gradcheck::too_large;
    if (compared) {
      c.reference = [=](const Tensors<double>& in) {
        return RecurrentReference(kind, k, in).outputs();
      };
    }
    if (kind == Kind::relu_rnn && small(k)) {
      REQUIRE(RecurrentReference(kind, k, c.inputs).nearest_kink() > 1e-3);
    }
  };
  for (const RecurrentSizes& k : cases) {
    add(k, true);
  }
  RecurrentSizes several_blocks{100, 5, 7, 20, 2, std::vector<Index>(100, 5)};
  several_blocks.lengths[30] = 2;
  add(several_blocks, false);
  add({18000, 33, 1, 1, 1}, false);  // one unit in several chunks
  if (kind == Kind::lstm) {
    add({60, 32, 64, 128, 2}, false);  // several chunks
  }
  return all;
}

std::vector<OpCase> cases_of(Kind one, Kind other) {
  auto all = cases_of(one);
  const auto more = cases_of(other);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Two layers of an LSTM with all their states.
OpCase stacked_lstm() {
  const Index n = 2, u = 2;
  auto inputs = recurrent_inputs(Kind::lstm, {n, 2, 3, u, 2});
  inputs[1] = random_tensor<double>({4, n, u}, 20);
  inputs[2] = random_tensor<double>({4, n, u}, 21);
  const auto upper = recurrent_inputs(Kind::lstm, {n, 2, 2 * u, u, 2});
  inputs.insert(inputs.end(), upper.begin() + 3, upper.end());
  const auto stack = [](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    const auto w = recurrent_weights(Kind::lstm, v);
    const auto output = lstm<T>(v[0], {{w[0], w[1]}, {w[2], w[3]}}, {v[1], v[2]});
    return std::vector{output.y, output.h, output.c};
  };
  const auto one_by_one = [](const Tensors<double>& in) {
    const auto v = leaves_of<double>(in);
    const auto w = recurrent_weights(Kind::lstm, v);
    const auto states = [&](Index first) {
      return LstmStates<double>{slice(v[1], 0, first, 2), slice(v[2], 0, first, 2)};
    };
    const auto lower = lstm_layer<double>(v[0], {w[0], w[1]}, states(0));
    const auto higher = lstm_layer<double>(lower.y, {w[2], w[3]}, states(2));
    return std::vector{higher.y, concat({lower.h, higher.h}, 0), concat({lower.c, higher.c}, 0)};
  };
  return {"two layers", inputs, stack, one_by_one};
}

/// One layer by the op of one layer.
OpCase lstm_layer_case(Kind kind, const RecurrentSizes& k) {
  return {recurrent_name(kind), recurrent_inputs(kind, k),
          [=](const auto& v) {
            const auto output = lstm_layer(v[0], recurrent_weights(kind, v), {v[1], v[2]});
            return std::vector{output.y, output.h, output.c};
          },
          [=](const Tensors<double>& in) { return RecurrentReference(kind, k, in).outputs(); }};
}

}  // namespace

TEST_CASE("lstm") {
  auto all = cases_of(Kind::lstm, Kind::peephole_lstm);
  all.push_back(stacked_lstm());
  check_op("lstm", all,
           recurrent_bad_calls("lstm", 4, [](auto& x, auto& layers, auto& h, auto& options) {
             lstm(x, layers, {h, {}}, options);
           }));
  check_op("lstm_layer",
           {lstm_layer_case(Kind::lstm, {2, 3, 3, 5, 2}),
            lstm_layer_case(Kind::peephole_lstm, {1, 3, 1, 9, 1})},
           {throws<ShapeError>(
               [] {
                 lstm_layer<double>(Tensor<double>::ones({4, 5, 3}), {});
               },
               "lstm: expected the weights of 1 or 2 directions, got 0")});
}

TEST_CASE("gru") {
  const RecurrentCall run = [](auto& x, auto& layers, auto& h, auto& options) {
    gru(x, layers, h, GruForm::original, options);
  };
  auto bad = recurrent_bad_calls("gru", 3, run);
  bad.push_back(no_peepholes("gru", 3, run));
  check_op("gru", cases_of(Kind::gru, Kind::original_gru), bad);
}

TEST_CASE("rnn") {
  const RecurrentCall run = [](auto& x, auto& layers, auto& h, auto& options) {
    rnn(x, layers, h, RnnNonlinearity::tanh, options);
  };
  auto bad = recurrent_bad_calls("rnn", 1, run);
  bad.push_back(no_peepholes("rnn", 1, run));
  check_op("rnn", cases_of(Kind::tanh_rnn, Kind::relu_rnn), bad);
}

TEST_CASE("recurrent layers read sequences time by time as well") {
  for (const Kind kind : recurrent_kinds) {
    const RecurrentSizes k{4, 5, 2, 3, 2, {2, 5, 1, 4}};
    const auto inputs = recurrent_inputs(kind, k);
    const auto v = leaves_of<double>(inputs);
    const auto swapped = leaves_of<double>(inputs);
    const auto expected = run_recurrent(kind, v, {.lengths = k.lengths});
    auto given = swapped;
    given[0] = permute(swapped[0], {1, 0, 2});
    const auto got = run_recurrent(kind, given, {.batch_first = false, .lengths = k.lengths});
    const auto y = permute(got[0], {1, 0, 2});
    require_close(y.value(), expected[0].value(), 0);
    require_close(got[1].value(), expected[1].value(), 0);
    const auto dy = random_tensor<double>(y.shape(), 9);
    y.backward(dy);
    expected[0].backward(dy);
    for (std::size_t i = 0; i < v.size(); ++i) {
      CAPTURE(static_cast<int>(kind), i);
      require_close(swapped[i].grad(), v[i].grad(), 1e-12);
    }
  }
}

TEST_CASE("recurrent layers read the rows and the columns of maps where they lie") {
  const Index n = 3, h = 5, w = 11;  // blocks of sequences end within a map
  for (const Kind kind : recurrent_kinds) {
    for (const Lines lines : {Lines::rows, Lines::columns}) {
      const bool columns = lines == Lines::columns;
      RecurrentSizes k{n * (columns ? w : h), columns ? h : w, 2, 3, 2};
      for (Index i = 0; i < k.n; ++i) {
        k.lengths.push_back(1 + i % k.t);
      }
      const auto inputs = recurrent_inputs(kind, k);
      const auto v = leaves_of<double>(inputs);
      const auto map_leaves = leaves_of<double>(inputs);
      const auto expected = run_recurrent(kind, v, {.lengths = k.lengths});
      auto given = map_leaves;
      given[0] = reshape(given[0], columns ? Shape{n, w, h, 2} : Shape{n, h, w, 2});
      given[0] = columns ? permute(given[0], {0, 2, 1, 3}) : given[0];
      const auto got = run_recurrent(kind, given, {.lines = lines, .lengths = k.lengths});
      REQUIRE(got[0].shape() == Shape{n, h, w, 6});
      const auto y = reshape(columns ? permute(got[0], {0, 2, 1, 3}) : got[0], {k.n, k.t, 6});
      require_close(y.value(), expected[0].value(), 0);
      require_close(got[1].value(), expected[1].value(), 0);
      const auto dy = random_tensor<double>(y.shape(), 9);
      y.backward(dy);
      expected[0].backward(dy);
      for (std::size_t i = 0; i < v.size(); ++i) {
        CAPTURE(static_cast<int>(kind), columns, i);
        require_close(map_leaves[i].grad(), v[i].grad(), 1e-12);
      }
    }
  }
}

TEST_CASE("a sequence with a length is as the short sequence alone") {
  for (const Kind kind : recurrent_kinds) {
    const RecurrentSizes k{1, 5, 2, 3, 2, {3}};
    auto inputs = recurrent_inputs(kind, k);
    const auto padded = run_recurrent(kind, constants(inputs), {.lengths = k.lengths});
    const Variable<double> x(inputs[0]);
    inputs[0] = slice(x, 1, 0, 3).value();
    const auto alone = run_recurrent(kind, constants(inputs), {});
    require_close(slice(padded[0], 1, 0, 3).value(), alone[0].value(), 0);
    require_close(slice(padded[0], 1, 3, 2).value(), Tensor<double>::zeros({1, 2, 6}), 0);
    require_close(padded[1].value(), alone[1].value(), 0);
  }
}

TEST_CASE("padding may hold anything") {
  for (const Kind kind : recurrent_kinds) {
    const RecurrentSizes k{2, 3, 2, 3, 2, {2, 3}};
    const auto gradients = [&](double padding) {
      auto inputs = recurrent_inputs(kind, k);
      inputs[0] = inputs[0].clone();
      inputs[0].mutable_at(0, 2, 0) = padding;
      const auto leaves = leaves_of<double>(inputs);
      const auto y = run_recurrent(kind, leaves, {.lengths = k.lengths})[0];
      y.backward(Tensor<double>::ones(y.shape()));
      const std::size_t weights = 1 + states_of(kind);
      return std::vector{leaves[0].grad(), leaves[weights].grad(), leaves[weights + 1].grad()};
    };
    const auto expected = gradients(0);
    for (const double padding : {1e3, std::numeric_limits<double>::quiet_NaN()}) {
      const auto got = gradients(padding);
      CHECK(got[0](0, 2, 0) == 0);
      for (std::size_t i = 0; i < got.size(); ++i) {
        require_close(got[i], expected[i], 0);
      }
    }
  }
}

TEST_CASE("inference gives what training gives") {
  for (const Kind kind : recurrent_kinds) {
    const RecurrentSizes k{26, 3, 2, 5, 2};
    const auto inputs = recurrent_inputs(kind, k);
    const auto leaves = leaves_of<float>(inputs);
    const auto training = run_recurrent(kind, leaves, {});
    const NoGradGuard no_grad;
    const auto inference = run_recurrent(kind, leaves, {});
    require_close(inference[0].value(), training[0].value(), 0);
  }
}

TEST_CASE("dropout between layers takes a draw for each but the last") {
  const RecurrentSizes k{3, 2, 4, 4, 1};
  const auto inputs = recurrent_inputs(Kind::gru, k);
  const auto v = constants(inputs);
  const auto weights = recurrent_weights(Kind::gru, v);
  Random random(5), again(5);
  const auto lower = gru<double>(v[0], {weights}, v[1]);
  const auto dropped = dropout(lower.y, 0.5, again, true);
  const auto upper = gru<double>(dropped, {weights}, v[1]);
  const Variable<double> h0(concat({v[1], v[1]}, 0));
  const auto got = gru<double>(v[0], {weights, weights}, h0, GruForm::linear_before_reset,
                               {.dropout = 0.5, .random = &random});
  require_close(got.y.value(), upper.y.value(), 0);
  require_close(got.h.value(), concat({lower.h, upper.h}, 0).value(), 0);
}
