// What lstm, gru and rnn compute, each against plain loops over its equations, and their gradients.
#include "cnnrnn/ops/recurrent.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/ops/gru.hpp"
#include "cnnrnn/ops/lstm.hpp"
#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/rnn.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

enum class Kind { lstm, peephole_lstm, gru, original_gru, tanh_rnn, relu_rnn };

const std::vector<Kind> kinds{Kind::lstm,         Kind::peephole_lstm, Kind::gru,
                              Kind::original_gru, Kind::tanh_rnn,      Kind::relu_rnn};

bool is_lstm(Kind kind) { return kind == Kind::lstm || kind == Kind::peephole_lstm; }
bool is_gru(Kind kind) { return kind == Kind::gru || kind == Kind::original_gru; }
Index gates_of(Kind kind) { return is_lstm(kind) ? 4 : is_gru(kind) ? 3 : 1; }
std::size_t weights_of(Kind kind) { return kind == Kind::peephole_lstm ? 7 : 4; }

struct Case {
  Index n, t, f, u, directions;
  std::vector<Index> lengths = {};

  Index length(Index sequence) const {
    return lengths.empty() ? t : lengths[static_cast<std::size_t>(sequence)];
  }
};

/// Odd sizes on purpose: one sequence, one step, units that are no whole packet, a rim of a block.
const std::vector<Case> cases{{2, 4, 3, 5, 1},
                              {1, 3, 2, 8, 2},
                              {3, 1, 4, 1, 2},
                              {26, 2, 1, 19, 2},
                              {4, 5, 2, 3, 2, {2, 5, 1, 4}},
                              {27, 3, 2, 17, 1, std::vector<Index>(27, 2)},
                              {2, 3, 0, 4, 2}};

template <class T>
using Tensors = std::vector<Tensor<T>>;

/// x, h0, c0, then the weights of the directions.
template <class T>
Tensors<T> random_inputs(Kind kind, const Case& k) {
  Tensors<T> inputs{random_tensor<T>({k.n, k.t, k.f}, 1),
                    random_tensor<T>({k.directions, k.n, k.u}, 2),
                    random_tensor<T>({k.directions, k.n, k.u}, 3)};
  const Index rows = gates_of(kind) * k.u;
  std::uint64_t seed = 4;
  for (Index direction = 0; direction < k.directions; ++direction) {
    std::vector<Shape> shapes{{rows, k.f}, {rows, k.u}, {rows}, {rows}};
    shapes.resize(weights_of(kind), Shape{k.u});
    for (const Shape& shape : shapes) {
      inputs.push_back(random_tensor<T>(shape, seed++));
    }
  }
  return inputs;
}

template <class T>
std::vector<Variable<T>> constants(const Tensors<T>& tensors) {
  return {tensors.begin(), tensors.end()};
}

template <class T>
std::vector<Variable<T>> leaves_of(const Tensors<T>& tensors) {
  std::vector<Variable<T>> leaves;
  for (const auto& tensor : tensors) {
    leaves.emplace_back(tensor, true);
  }
  return leaves;
}

template <class T>
std::vector<RecurrentWeights<T>> weights_from(Kind kind, const std::vector<Variable<T>>& v) {
  std::vector<RecurrentWeights<T>> weights;
  for (std::size_t i = 3; i + 3 < v.size(); i += weights_of(kind)) {
    weights.emplace_back(v[i], v[i + 1], v[i + 2], v[i + 3]);
    if (kind == Kind::peephole_lstm) {
      weights.back().weight_ci = v[i + 4];
      weights.back().weight_cf = v[i + 5];
      weights.back().weight_co = v[i + 6];
    }
  }
  return weights;
}

/// One layer as a function of the inputs above: y, h, and c of an LSTM.
template <class T>
std::vector<Variable<T>> run(Kind kind, const std::vector<Variable<T>>& v,
                             const RecurrentOptions& options) {
  const std::vector<std::vector<RecurrentWeights<T>>> layers{weights_from(kind, v)};
  if (is_lstm(kind)) {
    const auto output = lstm(v[0], layers, {v[1], v[2]}, options);
    return {output.y, output.h, output.c};
  }
  const auto output =
      is_gru(kind)
          ? gru(v[0], layers, v[1],
                kind == Kind::gru ? GruForm::linear_before_reset : GruForm::original, options)
          : rnn(v[0], layers, v[1],
                kind == Kind::relu_rnn ? RnnNonlinearity::relu : RnnNonlinearity::tanh, options);
  return {output.y, output.h};
}

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

using Vector = std::vector<double>;

/// Row by row of one gate, W x + b.
template <class T>
Vector affine(const Tensor<T>& weight, const Tensor<T>& bias, Index gate, Index units,
              const Vector& x) {
  Vector sums;
  for (Index row = gate * units; row < (gate + 1) * units; ++row) {
    sums.push_back(static_cast<double>(bias(row)));
    for (std::size_t i = 0; i < x.size(); ++i) {
      sums.back() += static_cast<double>(weight(row, i)) * x[i];
    }
  }
  return sums;
}

/// One step of one sequence; h and c are replaced.
template <class T>
void reference_step(Kind kind, const Vector& x, const Tensor<T>* w, Vector& h, Vector& c) {
  const auto units = w[1].dim(1);
  const auto from_x = [&](Index gate) { return affine(w[0], w[2], gate, units, x); };
  const auto from_h = [&](Index gate, const Vector& state) {
    return affine(w[1], w[3], gate, units, state);
  };
  const auto peep = [&](int which, std::size_t k, double state) {
    return kind == Kind::peephole_lstm ? static_cast<double>(w[which](k)) * state : 0.0;
  };
  Vector next = h;
  if (is_lstm(kind)) {
    for (std::size_t k = 0; k < h.size(); ++k) {
      const auto input = [&](Index gate) { return from_x(gate)[k] + from_h(gate, h)[k]; };
      const double before = c[k];
      c[k] = sigmoid(input(1) + peep(5, k, before)) * before +
             sigmoid(input(0) + peep(4, k, before)) * std::tanh(input(2));
      next[k] = sigmoid(input(3) + peep(6, k, c[k])) * std::tanh(c[k]);
    }
  } else if (is_gru(kind)) {
    const Vector rx = from_x(0), rh = from_h(0, h), zx = from_x(1), zh = from_h(1, h);
    const Vector nx = from_x(2), nh = from_h(2, h);
    Vector reset = h;
    for (std::size_t k = 0; k < h.size(); ++k) {
      reset[k] *= sigmoid(rx[k] + rh[k]);
    }
    const Vector original = from_h(2, reset);
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double z = sigmoid(zx[k] + zh[k]);
      const double n =
          std::tanh(nx[k] + (kind == Kind::gru ? sigmoid(rx[k] + rh[k]) * nh[k] : original[k]));
      next[k] = (1 - z) * n + z * h[k];
    }
  } else {
    const Vector ih = from_x(0), hh = from_h(0, h);
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double sum = ih[k] + hh[k];
      next[k] = kind == Kind::relu_rnn ? std::max(sum, 0.0) : std::tanh(sum);
    }
  }
  h = next;
}

template <class T>
Tensors<T> reference(Kind kind, const Case& k, const Tensors<T>& in) {
  auto y = Tensor<T>::zeros({k.n, k.t, k.directions * k.u});
  Tensor<T> h_last({k.directions, k.n, k.u});
  Tensor<T> c_last({k.directions, k.n, k.u});
  for (Index direction = 0; direction < k.directions; ++direction) {
    for (Index n = 0; n < k.n; ++n) {
      const auto row = [&](const Tensor<T>& tensor, Index at, Index count) {
        return Vector(tensor.data() + at * count, tensor.data() + (at + 1) * count);
      };
      Vector h = row(in[1], direction * k.n + n, k.u);
      Vector c = row(in[2], direction * k.n + n, k.u);
      for (Index step = 0; step < k.length(n); ++step) {
        const Index t = direction == 1 ? k.length(n) - 1 - step : step;
        reference_step(kind, row(in[0], n * k.t + t, k.f),
                       &in[3 + weights_of(kind) * static_cast<std::size_t>(direction)], h, c);
        for (Index unit = 0; unit < k.u; ++unit) {
          y.mutable_at(n, t, direction * k.u + unit) =
              static_cast<T>(h[static_cast<std::size_t>(unit)]);
        }
      }
      for (Index unit = 0; unit < k.u; ++unit) {
        h_last.mutable_at(direction, n, unit) = static_cast<T>(h[static_cast<std::size_t>(unit)]);
        c_last.mutable_at(direction, n, unit) = static_cast<T>(c[static_cast<std::size_t>(unit)]);
      }
    }
  }
  return {y, h_last, c_last};
}

template <class T>
void compare_reference(double tolerance) {
  for (const Kind kind : kinds) {
    for (const Case& k : cases) {
      const auto inputs = random_inputs<T>(kind, k);
      const auto expected = reference(kind, k, inputs);
      const auto got =
          run(kind, std::vector<Variable<T>>(inputs.begin(), inputs.end()), {.lengths = k.lengths});
      for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(static_cast<int>(kind), k.n, k.t, k.u, i);
        require_close(got[i].value(), expected[i], tolerance);
      }
    }
  }
}

/// Inputs without c0 where the cell has none: gradcheck wants a gradient of each.
template <class T>
Tensors<T> used_inputs(Kind kind, const Case& k) {
  auto inputs = random_inputs<T>(kind, k);
  if (!is_lstm(kind)) {
    inputs.erase(inputs.begin() + 2);
  }
  return inputs;
}

template <class T>
std::vector<Variable<T>> run_used(Kind kind, std::vector<Variable<T>> v,
                                  const RecurrentOptions& options) {
  if (!is_lstm(kind)) {
    v.insert(v.begin() + 2, Variable<T>());
  }
  return run(kind, v, options);
}

/// The sums in front of a ReLU of the RNN, in all steps, for the distance from its kink.
double nearest_kink(const Case& k, const Tensors<double>& in) {
  double nearest = 1;
  for (Index direction = 0; direction < k.directions; ++direction) {
    for (Index n = 0; n < k.n; ++n) {
      const auto* const w = &in[3 + 4 * static_cast<std::size_t>(direction)];
      const auto* const h0 = in[1].data() + (direction * k.n + n) * k.u;
      Vector h(h0, h0 + k.u);
      for (Index step = 0; step < k.length(n); ++step) {
        const Index t = direction == 1 ? k.length(n) - 1 - step : step;
        const auto* const x = in[0].data() + (n * k.t + t) * k.f;
        const Vector ih = affine(w[0], w[2], 0, k.u, Vector(x, x + k.f));
        const Vector hh = affine(w[1], w[3], 0, k.u, h);
        for (std::size_t unit = 0; unit < h.size(); ++unit) {
          nearest = std::min(nearest, std::abs(ih[unit] + hh[unit]));
          h[unit] = std::max(ih[unit] + hh[unit], 0.0);
        }
      }
    }
  }
  return nearest;
}

Tensors<float> forward_and_backward(Kind kind, const Case& k, int thread_count) {
  set_threads(thread_count);
  const auto leaves = leaves_of(used_inputs<float>(kind, k));
  Tensors<float> results;
  const auto outputs = run_used(kind, leaves, {.lengths = k.lengths});
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

void require_same_bytes(Kind kind, const Case& k) {
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
  for (const Kind kind : kinds) {
    for (const Case& k : {Case{2, 3, 3, 5, 2}, Case{1, 1, 2, 3, 1}, Case{1, 3, 1, 9, 1},
                          Case{3, 3, 2, 2, 2, {2, 3, 1}}}) {
      const auto inputs = used_inputs<double>(kind, k);
      CAPTURE(static_cast<int>(kind), k.n, k.u);
      if (kind == Kind::relu_rnn) {
        REQUIRE(nearest_kink(k, random_inputs<double>(kind, k)) > 1e-3);
      }
      const auto result = gradcheck(
          [&](const auto& v) { return run_used(kind, v, {.lengths = k.lengths}); }, inputs);
      INFO(result.log);
      CHECK(result);
    }
  }
}

TEST_CASE("recurrent layers read sequences time by time as well") {
  for (const Kind kind : kinds) {
    const Case k{4, 5, 2, 3, 2, {2, 5, 1, 4}};
    const auto inputs = random_inputs<double>(kind, k);
    const auto v = leaves_of(inputs);
    const auto swapped = leaves_of(inputs);
    const auto expected = run(kind, v, {.lengths = k.lengths});
    auto given = swapped;
    given[0] = permute(swapped[0], {1, 0, 2});
    const auto got = run(kind, given, {.batch_first = false, .lengths = k.lengths});
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
  for (const Kind kind : kinds) {
    const Case k{1, 5, 2, 3, 2, {3}};
    auto inputs = random_inputs<double>(kind, k);
    const auto padded = run(kind, constants(inputs), {.lengths = k.lengths});
    const Variable<double> x(inputs[0]);
    inputs[0] = slice(x, 1, 0, 3).value();
    const auto alone = run(kind, constants(inputs), {});
    require_close(slice(padded[0], 1, 0, 3).value(), alone[0].value(), 0);
    require_close(slice(padded[0], 1, 3, 2).value(), Tensor<double>::zeros({1, 2, 6}), 0);
    require_close(padded[1].value(), alone[1].value(), 0);
  }
}

TEST_CASE("padding may hold anything") {
  for (const Kind kind : kinds) {
    const Case k{2, 3, 2, 3, 2, {2, 3}};
    const auto gradients = [&](double padding) {
      auto inputs = random_inputs<double>(kind, k);
      inputs[0] = inputs[0].clone();
      inputs[0].mutable_at(0, 2, 0) = padding;
      const auto leaves = leaves_of(inputs);
      const auto y = run(kind, leaves, {.lengths = k.lengths})[0];
      y.backward(Tensor<double>::ones(y.shape()));
      return std::vector{leaves[0].grad(), leaves[3].grad(), leaves[4].grad()};
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
  for (const Kind kind : kinds) {
    Case several_blocks{100, 5, 7, 20, 2, std::vector<Index>(100, 5)};
    several_blocks.lengths[30] = 2;
    require_same_bytes(kind, several_blocks);
    const Case one_unit_in_several_chunks{18000, 33, 1, 1, 1};
    require_same_bytes(kind, one_unit_in_several_chunks);
  }
  const Case several_chunks{60, 32, 64, 128, 2};
  require_same_bytes(Kind::lstm, several_chunks);
}

TEST_CASE("inference gives what training gives") {
  for (const Kind kind : kinds) {
    const Case k{26, 3, 2, 5, 2};
    const auto inputs = random_inputs<float>(kind, k);
    const auto leaves = leaves_of(inputs);
    const auto training = run(kind, leaves, {});
    const NoGradGuard no_grad;
    const auto inference = run(kind, leaves, {});
    require_close(inference[0].value(), training[0].value(), 0);
  }
}

TEST_CASE("dropout between layers takes a draw for each but the last") {
  const Case k{3, 2, 4, 4, 1};
  const auto inputs = random_inputs<double>(Kind::gru, k);
  const auto v = constants(inputs);
  const auto weights = weights_from(Kind::gru, v);
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
