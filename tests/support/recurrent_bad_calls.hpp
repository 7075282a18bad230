#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cnnrnn/ops/recurrent.hpp"
#include "support/op_table.hpp"

// What lstm, gru and rnn throw for the same reasons.

using RecurrentLayers = std::vector<std::vector<cnnrnn::RecurrentWeights<double>>>;
using RecurrentCall =
    std::function<void(const cnnrnn::Variable<double>& x, const RecurrentLayers& layers,
                       const cnnrnn::Variable<double>& h0, const cnnrnn::RecurrentOptions&)>;

/// Weights of ones for F features and U units and that many gates, without biases.
inline cnnrnn::RecurrentWeights<double> unit_weights(cnnrnn::Index gates, cnnrnn::Index f,
                                                     cnnrnn::Index u) {
  using cnnrnn::Tensor;
  return {Tensor<double>::ones({gates * u, f}), Tensor<double>::ones({gates * u, u})};
}

/// For weights of 3 features and 2 units, and x (4, 5, 3).
inline std::vector<BadCall> recurrent_bad_calls(const std::string& name, cnnrnn::Index gates,
                                                const RecurrentCall& run) {
  using namespace cnnrnn;
  const auto ones = [](const Shape& shape) -> Variable<double> {
    return Tensor<double>::ones(shape);
  };
  const auto w = unit_weights(gates, 3, 2);
  const auto upper = unit_weights(gates, 2, 2);
  const auto rows = to_message(gates * 2);
  const auto with = [=](const RecurrentOptions& options) {
    return [=] { run(ones({4, 5, 3}), {{w}}, {}, options); };
  };
  const auto layers = [=](const RecurrentLayers& all, const Variable<double>& state = {}) {
    return [=] { run(ones({4, 5, 3}), all, state, {}); };
  };
  const auto on = [=](const Shape& x, bool batch_first = true) {
    return [=] { run(ones(x), {{w}}, {}, {.batch_first = batch_first}); };
  };
  const auto on_map = [=](const Shape& x, Lines lines) {
    return [=] { run(ones(x), {{w}}, {}, {.lines = lines}); };
  };
  auto wide = w;
  wide.weight_hh = ones({gates * 2, 3});
  auto short_bias = w;
  short_bias.bias_hh = ones({1});
  return {
      throws<ShapeError>(on({4, 5, 2}), name + ": expected an input (N, T, 3) of at least one "
                                               "step, got (4, 5, 2)"),
      throws<ShapeError>(on({4, 0, 3}), name + ": expected an input (N, T, 3) of at least one "
                                               "step, got (4, 0, 3)"),
      throws<ShapeError>(on({0, 5, 3}, false), name + ": expected an input (T, N, 3) of at least "
                                                      "one step, got (0, 5, 3)"),
      throws<ShapeError>(on({4, 3}), to_message(name,
                                                ": expected an input (N, T, F) and a "
                                                "weight_ih (",
                                                gates, "U, F), got (4, 3) and (", rows, ", 3)")),
      throws<ShapeError>(on_map({4, 5, 3}, Lines::rows),
                         to_message(name, ": expected an input (N, H, W, F) and a weight_ih (",
                                    gates, "U, F), got (4, 5, 3) and (", rows, ", 3)")),
      throws<ShapeError>(on_map({4, 0, 5, 3}, Lines::columns),
                         name + ": expected an input (N, H, W, 3) of at least one step, got (4, 0, "
                                "5, 3)"),
      throws<ShapeError>(layers({}), name + ": expected at least one layer, got none"),
      throws<ShapeError>(layers({{}}), name + ": expected the weights of 1 or 2 directions, got 0"),
      throws<ShapeError>(layers({{w}}, ones({2, 4, 2})),
                         name + ": expected an initial state of shape (1, 4, 2), got (2, 4, 2)"),
      throws<ShapeError>(layers({{w}, {upper}}, ones({3, 4, 2})),
                         name + ": expected an initial state (2, N, U), got (3, 4, 2)"),
      throws<ShapeError>(layers({{wide}}), name + ": expected a weight_hh of shape (" + rows +
                                               ", 2), got (" + rows + ", 3)"),
      throws<ShapeError>(layers({{short_bias}}),
                         name + ": expected a bias of shape (" + rows + ",), got (1,)"),
      throws<ShapeError>(layers({{{w.weight_ih, {}}}}),
                         name + ": expected a weight_ih and a weight_hh, got an undefined one"),
      throws<ShapeError>(
          [=] {
            run(ones({2, 3, 0}), {{{ones({0, 0}), ones({0, 0})}}}, {}, {});
          },
          name + ": expected at least one unit, got a weight_ih (0, 0)"),
      throws<ShapeError>(layers({{w}, {upper, upper}}),
                         name + ": expected 1 directions in every layer, got 2"),
      throws<ShapeError>(layers({{w}, {unit_weights(gates, 2, 3)}}),
                         name + ": expected 2 units in every layer, got 3"),
      throws<ShapeError>(with({.lengths = {1, 2}}), name + ": expected 4 lengths, got 2"),
      throws<ValueError>(with({.lengths = {1, 2, 3, 6}}),
                         name + ": expected lengths from 1 to 5, got 6"),
      throws<ValueError>(with({.lengths = {1, 2, 0, 5}}),
                         name + ": expected lengths from 1 to 5, got 0"),
      throws<ValueError>(with({.dropout = 7}),
                         name + ": expected a dropout of at least 0 and below 1, got 7"),
      throws<ValueError>(
          [=] {
            run(ones({4, 5, 3}), {{w}, {upper}}, {}, {.dropout = 0.5});
          },
          name + ": expected a generator for dropout, got none")};
}

/// For a cell without peepholes.
inline BadCall no_peepholes(const std::string& name, cnnrnn::Index gates,
                            const RecurrentCall& run) {
  auto w = unit_weights(gates, 3, 2);
  w.weight_co = cnnrnn::Tensor<double>::ones({2});
  return throws<cnnrnn::ShapeError>(
      [=] {
        run(cnnrnn::Tensor<double>::ones({4, 5, 3}), {{w}}, {}, {});
      },
      name + ": expected no peepholes, got some");
}
