// What lstm, gru and rnn compute, each against plain loops over its equations, and their gradients.
#include "cnnrnn/ops/recurrent.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/ops/permute.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/recurrent_reference.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

using Kind = RecurrentKind;

/// Odd sizes on purpose: one sequence, one step, units that are no whole packet, a rim of a block.
const std::vector<RecurrentSizes> cases{{2, 4, 3, 5, 1},
                                        {1, 3, 2, 8, 2},
                                        {3, 1, 4, 1, 2},
                                        {26, 2, 1, 19, 2},
                                        {4, 5, 2, 3, 2, {2, 5, 1, 4}},
                                        {27, 3, 2, 17, 1, std::vector<Index>(27, 2)},
                                        {2, 3, 0, 4, 2}};

template <class T>
std::vector<Variable<T>> constants(const Tensors<T>& tensors) {
  return {tensors.begin(), tensors.end()};
}

template <class T>
void compare_reference(double tolerance) {
  for (const Kind kind : recurrent_kinds) {
    for (const RecurrentSizes& k : cases) {
      const auto inputs = recurrent_inputs(kind, k);
      const auto expected = RecurrentReference(kind, k, inputs).outputs();
      const auto got = run_recurrent(kind, leaves_of<T>(inputs), {.lengths = k.lengths});
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(static_cast<int>(kind), k.n, k.t, k.u, i);
        require_close(got[i].value(), expected[i].template to<T>(), tolerance);
      }
    }
  }
}

Tensors<float> forward_and_backward(Kind kind, const RecurrentSizes& k, int thread_count) {
  set_threads(thread_count);
  const auto leaves = leaves_of<float>(recurrent_inputs(kind, k));
  Tensors<float> results;
  const auto outputs = run_recurrent(kind, leaves, {.lengths = k.lengths});
  std::vector<Edge<float>> roots;
  for (const auto& output : outputs) {
    results.push_back(output.value());
    roots.push_back(output.edge());
  }
  backward(roots, Tensors<float>(results));
  for (const auto& leaf : leaves) {
    results.push_back(leaf.grad());
  }
  set_threads(0);
  return results;
}

void require_same_bytes(Kind kind, const RecurrentSizes& k) {
  const auto expected = forward_and_backward(kind, k, 1);
  for (const int thread_count : {2, 3}) {
    const auto got = forward_and_backward(kind, k, thread_count);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(static_cast<int>(kind), thread_count, i);
      REQUIRE(got[i].defined());
      CHECK(std::memcmp(got[i].data(), expected[i].data(),
                        static_cast<std::size_t>(got[i].size()) * sizeof(float)) == 0);
    }
  }
}

}  // namespace

TEST_CASE("recurrent layers compute their equations") {
  compare_reference<double>(1e-12);
  compare_reference<float>(1e-5);
}

TEST_CASE("recurrent layers have the gradients of their values") {
  for (const Kind kind : recurrent_kinds) {
    for (const RecurrentSizes& k :
         {RecurrentSizes{2, 3, 3, 5, 2}, RecurrentSizes{1, 1, 2, 3, 1},
          RecurrentSizes{1, 3, 1, 9, 1}, RecurrentSizes{3, 3, 2, 2, 2, {2, 3, 1}}}) {
      const auto inputs = recurrent_inputs(kind, k);
      CAPTURE(static_cast<int>(kind), k.n, k.u);
      if (kind == Kind::relu_rnn) {
        REQUIRE(RecurrentReference(kind, k, inputs).nearest_kink() > 1e-3);
      }
      const auto result = gradcheck(
          [&](const auto& v) { return run_recurrent(kind, v, {.lengths = k.lengths}); }, inputs);
      INFO(result.log);
      CHECK(result);
    }
  }
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

TEST_CASE("recurrent layers give the same bytes for any number of threads") {
  for (const Kind kind : recurrent_kinds) {
    RecurrentSizes several_blocks{100, 5, 7, 20, 2, std::vector<Index>(100, 5)};
    several_blocks.lengths[30] = 2;
    require_same_bytes(kind, several_blocks);
    const RecurrentSizes one_unit_in_several_chunks{18000, 33, 1, 1, 1};
    require_same_bytes(kind, one_unit_in_several_chunks);
  }
  const RecurrentSizes several_chunks{60, 32, 64, 128, 2};
  require_same_bytes(Kind::lstm, several_chunks);
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

TEST_CASE("recurrent layers say what they expected and what came") {
  const auto ones = [](const Shape& shape) {
    return Variable<double>(Tensor<double>::ones(shape));
  };
  const std::vector<std::vector<RecurrentWeights<double>>> layers{{{ones({6, 3}), ones({6, 2})}}};
  const auto x = ones({4, 5, 3});
  CHECK_THROWS_WITH(gru(ones({4, 5, 2}), layers),
                    "gru: expected an input (N, T, 3) of at least one step, got (4, 5, 2)");
  CHECK_THROWS_WITH(gru(ones({0, 5, 3}), layers, {}, GruForm::original, {.batch_first = false}),
                    "gru: expected an input (T, N, 3) of at least one step, got (0, 5, 3)");
  CHECK_THROWS_WITH(gru(x, layers, ones({1, 3, 2})),
                    "gru: expected an initial state of shape (1, 4, 2), got (1, 3, 2)");
  CHECK_THROWS_WITH(rnn(x, layers), "rnn: expected a weight_hh of shape (6, 6), got (6, 2)");
  RecurrentOptions options{.lengths = {1, 2}};
  CHECK_THROWS_WITH(gru(x, layers, {}, GruForm::original, options),
                    "gru: expected 4 lengths, got 2");
  options.lengths = {1, 2, 3, 6};
  CHECK_THROWS_WITH(gru(x, layers, {}, GruForm::original, options),
                    "gru: expected lengths from 1 to 5, got 6");
  options.lengths = {1, 2, 0, 5};
  CHECK_THROWS_AS(gru(x, layers, {}, GruForm::original, options), ValueError);
  auto peeping = layers;
  peeping[0][0].weight_co = ones({2});
  CHECK_THROWS_WITH(gru(x, peeping), Contains("gru: expected no peepholes"));
  CHECK_THROWS_WITH(gru<double>(x, {{RecurrentWeights<double>{ones({6, 3}), {}}}}),
                    Contains("got an undefined one"));
  CHECK_THROWS_WITH(
      gru(x, std::vector{layers[0], layers[0]}, {}, GruForm::original, {.dropout = 0.5}),
      "gru: expected a generator for dropout, got none");
  CHECK_THROWS_WITH(gru(x, layers, {}, GruForm::original, {.dropout = 7}),
                    "gru: expected a dropout of at least 0 and below 1, got 7");
  CHECK_THROWS_WITH(gru<double>(ones({2, 3, 0}), {{{ones({0, 0}), ones({0, 0})}}}),
                    "gru: expected at least one unit, got a weight_ih (0, 0)");
  const RecurrentWeights<double> above{ones({6, 2}), ones({6, 2})};
  CHECK_THROWS_WITH(gru<double>(x, {layers[0], {above, above}}),
                    "gru: expected 1 directions in every layer, got 2");
  CHECK_THROWS_WITH(gru<double>(x, {layers[0], {{ones({9, 2}), ones({9, 3})}}}),
                    "gru: expected 2 units in every layer, got 3");
}
