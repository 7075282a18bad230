#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/conv_lstm.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/sequence_lengths.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The weights of one direction of a ConvLSTM layer, gates in the order i f g o: weight_ih (4U, C,
/// KH, KW), weight_hh (4U, U, KH, KW), a bias (4U), which may be undefined, and peepholes (U, H, W)
/// to the gates i, f and o, undefined unless the layer has them.
template <class T>
struct ConvLstmWeights {
  Variable<T> weight_ih;   ///< (4U, C, KH, KW)
  Variable<T> weight_hh;   ///< (4U, U, KH, KW)
  Variable<T> bias;        ///< (4U) or undefined
  Variable<T> peephole_i;  ///< (U, H, W) or undefined
  Variable<T> peephole_f;  ///< (U, H, W) or undefined
  Variable<T> peephole_o;  ///< (U, H, W) or undefined

  /// All of them, in the order above.
  std::array<Variable<T>, 6> all() const {
    return {weight_ih, weight_hh, bias, peephole_i, peephole_f, peephole_o};
  }
};

/// States of a ConvLSTM, each (L D, N, H, W, U) for L layers of D directions; undefined ones are
/// zeros.
template <class T>
struct ConvLstmStates {
  Variable<T> h;  ///< hidden states
  Variable<T> c;  ///< cell states
};

/// What a ConvLSTM gives: y (N, T, H, W, D U), h and c (L D, N, H, W, U).
template <class T>
struct ConvLstmOutput {
  Variable<T> y;  ///< the hidden states of all steps
  Variable<T> h;  ///< hidden states behind the last step
  Variable<T> c;  ///< cell states behind the last step
};

/// Options of conv_lstm_layer.
struct ConvLstmLayerOptions {
  ConvLstmPeepholes peepholes = ConvLstmPeepholes::current;  ///< which cell states the gates see
  std::vector<Index> lengths{};  ///< steps of each sequence, those behind them padding; none: all T
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
};

namespace detail {

inline void check_conv_lstm_shape(const char* what, const Shape& expected, const Shape& got) {
  require<ShapeError>(expected == got, "conv_lstm: expected ", what, " of shape ", expected,
                      ", got ", got);
}

template <class T>
void check_conv_lstm_weights(const kernels::ConvLstmDims& d, const ConvLstmWeights<T>& w) {
  check_conv_lstm_shape("a weight_ih", {4 * d.u, d.c, d.kernel.h, d.kernel.w}, w.weight_ih.shape());
  check_conv_lstm_shape("a weight_hh", {4 * d.u, d.u, d.kernel.h, d.kernel.w}, w.weight_hh.shape());
  check_conv_lstm_shape("a bias", {4 * d.u}, w.bias.defined() ? w.bias.shape() : Shape{4 * d.u});
  const Shape map{d.u, d.h, d.w};
  for (const auto& peephole : {w.peephole_i, w.peephole_f, w.peephole_o}) {
    require<ShapeError>(peephole.defined() == (d.peepholes != ConvLstmPeepholes::none),
                        "conv_lstm: expected ",
                        peephole.defined() ? "no peepholes, got one of shape " : "peepholes ", map,
                        peephole.defined() ? "" : ", got undefined ones");
    check_conv_lstm_shape("a peephole", map, peephole.defined() ? peephole.shape() : map);
  }
}

template <class T>
kernels::ConvLstmDims conv_lstm_dims(const Variable<T>& x,
                                     const std::vector<ConvLstmWeights<T>>& directions,
                                     const ConvLstmStates<T>& initial,
                                     const ConvLstmLayerOptions& options) {
  require<ShapeError>(directions.size() == 1 || directions.size() == 2,
                      "conv_lstm: expected the weights of 1 or 2 directions, got ",
                      directions.size());
  const Shape weight = directions.front().weight_ih.shape();
  require<ShapeError>(x.rank() == 5 && weight.rank() == 4 && weight.size() > 0 && weight[0] >= 4,
                      "conv_lstm: expected an input (N, T, H, W, C) and a weight_ih (4U, C, KH, "
                      "KW), got ",
                      x.shape(), " and ", weight);
  const kernels::ConvLstmDims d{x.dim(0),
                                x.dim(1),
                                x.dim(2),
                                x.dim(3),
                                weight[1],
                                weight[0] / 4,
                                std::ssize(directions),
                                {weight[2], weight[3]},
                                options.peepholes,
                                options.algorithm};
  require<ShapeError>(d.t > 0 && d.h > 0 && d.w > 0 && x.dim(4) == d.c,
                      "conv_lstm: expected an input (N, T, H, W, ", d.c,
                      ") of at least one step and pixel, got ", x.shape());
  require<ShapeError>(d.kernel.h % 2 == 1 && d.kernel.w % 2 == 1,
                      "conv_lstm: expected an odd kernel, got ", d.kernel);
  require<ValueError>(options.algorithm != ConvAlgorithm::winograd || d.kernel == Size2d(3),
                      "conv_lstm: expected a 3x3 kernel for Winograd's algorithm, got ", d.kernel);
  for (const auto& w : directions) {
    check_conv_lstm_weights(d, w);
  }
  for (const auto& state : {initial.h, initial.c}) {
    const Shape expected{d.directions, d.n, d.h, d.w, d.u};
    check_conv_lstm_shape("an initial state", expected, state.defined() ? state.shape() : expected);
  }
  check_lengths("conv_lstm", d.n, d.t, options.lengths);
  return d;
}

/// The steps of each sequence as numbers to compare in the lanes of a vector.
template <class T>
Tensor<T> conv_lstm_lengths(const kernels::ConvLstmDims& d, const std::vector<Index>& lengths) {
  auto steps = Tensor<T>::full({d.n}, static_cast<T>(d.t));
  std::transform(lengths.begin(), lengths.end(), steps.mutable_data(),
                 [](Index length) { return static_cast<T>(length); });
  return steps;
}

/// The weights of the directions, each in the order of ConvLstmWeights::all.
template <class T>
using SavedConvLstmWeights = std::vector<std::array<Saved<T>, 6>>;

template <class T>
std::vector<kernels::ConvLstmWeights<T>> conv_lstm_pointers(const SavedConvLstmWeights<T>& saved) {
  std::vector<kernels::ConvLstmWeights<T>> pointers;
  for (const auto& [weight_ih, weight_hh, bias, peephole_i, peephole_f, peephole_o] : saved) {
    pointers.push_back({weight_ih->data(), weight_hh->data(), bias->data(), peephole_i->data(),
                        peephole_f->data(), peephole_o->data()});
  }
  return pointers;
}

/// The backward function of one layer; its inputs are x, h0, c0 and six weights a direction.
template <class T>
struct ConvLstmLayerBackward {
  kernels::ConvLstmDims d;
  Saved<T> x, h0, c0, y;
  Tensor<T> lengths, gates, cells;
  SavedConvLstmWeights<T> weights;

  void operator()(Gradients<T>& g) const {
    const auto dx = g.dx(0);
    std::vector<kernels::ConvLstmWeightGradients<T>> gradients;
    for (Index k = 0; k < d.directions; ++k) {
      const Index first = 3 + 6 * k;
      gradients.push_back({g.dx(first), g.dx(first + 1), g.dx(first + 2), g.dx(first + 3),
                           g.dx(first + 4), g.dx(first + 5)});
    }
    const auto pointers = conv_lstm_pointers<T>(weights);
    const Shape states{d.directions, d.n, d.h, d.w, d.u};
    Tensor<T> dh0(states);
    Tensor<T> dc0(states);
    kernels::conv_lstm_backward<T>(d, pointers, x->data(), lengths.data(), h0->data(), c0->data(),
                                   y->data(), {gates.data(), cells.data()},
                                   {g.dy(0).data(), g.dy(1).data(), g.dy(2).data(),
                                    dh0.mutable_data(), dc0.mutable_data(), dx},
                                   gradients);
    g.give(1, dh0);
    g.give(2, dc0);
  }
};

}  // namespace detail

/// One convolutional LSTM layer of one or two directions (Shi et al. 2015); the second direction
/// reads each sequence from its last step. Convolutions are padded so that maps keep their size.
///
///   i = sigmoid(W_i * [x, h] + w_i . c + b_i), f = sigmoid(W_f * [x, h] + w_f . c + b_f),
///   g = tanh(W_g * [x, h] + b_g), c' = f . c + i . g, o = sigmoid(W_o * [x, h] + w_o . c' + b_o),
///   h' = o . tanh(c')
///
/// with c in place of c' in o for ConvLstmPeepholes::previous. x (N, T, H, W, C) -> y (N, T, H, W,
/// D U), and the last states of each direction, h and c (D, N, H, W, U). Of a sequence shorter than
/// T, y is 0 past its end, the states are those of its last step, and what x holds there, which
/// must be finite, does not count. Saves x, the weights, the initial states, y, the gates and the
/// cell states of all steps. Throws ShapeError, also for T = 0 and an even kernel, and ValueError
/// for lengths out of range and for an algorithm that does not exist for the kernel.
template <class T>
ConvLstmOutput<T> conv_lstm_layer(const Variable<T>& x,
                                  const std::vector<ConvLstmWeights<T>>& directions,
                                  const ConvLstmStates<T>& initial = {},
                                  const ConvLstmLayerOptions& options = {}) {
  const kernels::ConvLstmDims d = detail::conv_lstm_dims(x, directions, initial, options);
  std::vector<Variable<T>> inputs{x, initial.h, initial.c};
  detail::SavedConvLstmWeights<T> saved;
  for (const auto& w : directions) {
    const auto all = w.all();
    inputs.insert(inputs.end(), all.begin(), all.end());
    auto& weights = saved.emplace_back();
    std::transform(all.begin(), all.end(), weights.begin(),
                   [](const Variable<T>& weight) { return Saved<T>(weight.value()); });
  }
  const auto pointers = detail::conv_lstm_pointers<T>(saved);
  const bool traced =
      grad_enabled() &&
      std::any_of(inputs.begin(), inputs.end(), [](const auto& v) { return v.requires_grad(); });
  const Shape states{d.directions, d.n, d.h, d.w, d.u};
  const Shape steps{d.directions * d.blocks<T>() * d.t, d.state_size<T>()};
  const auto lengths = detail::conv_lstm_lengths<T>(d, options.lengths);
  Tensor<T> gates = traced ? Tensor<T>({steps[0], 4 * steps[1]}) : Tensor<T>();
  Tensor<T> cells = traced ? Tensor<T>(steps) : Tensor<T>();
  Tensor<T> y({d.n, d.t, d.h, d.w, d.directions * d.u});
  Tensor<T> h(states);
  Tensor<T> c(states);
  kernels::conv_lstm_forward<T>(d, pointers, x.value().data(), lengths.data(),
                                initial.h.value().data(), initial.c.value().data(),
                                {gates.mutable_data(), cells.mutable_data()}, y.mutable_data(),
                                h.mutable_data(), c.mutable_data());
  const auto outputs = record<T>(
      "conv_lstm", inputs, {y, h, c},
      detail::ConvLstmLayerBackward<T>{d, Saved<T>(x.value()), Saved<T>(initial.h.value()),
                                       Saved<T>(initial.c.value()), Saved<T>(y), lengths, gates,
                                       cells, std::move(saved)});
  return {outputs[0], outputs[1], outputs[2]};
}

/// The same of bfloat16, computed in float: gates and states are rounded at the end alone.
template <class T>
requires is_bfloat16<T> ConvLstmOutput<T> conv_lstm_layer(
    const Variable<T>& x, const std::vector<ConvLstmWeights<T>>& directions,
    const ConvLstmStates<T>& initial = {}, const ConvLstmLayerOptions& options = {}) {
  std::vector<Variable<T>> inputs{x, initial.h, initial.c};
  for (const auto& w : directions) {
    const auto all = w.all();
    inputs.insert(inputs.end(), all.begin(), all.end());
  }
  const auto results =
      detail::all_in_float<T>("conv_lstm", inputs, [&](const std::vector<Variable<float>>& v) {
        std::vector<ConvLstmWeights<float>> weights;
        for (std::size_t i = 3; i < v.size(); i += 6) {
          weights.push_back({v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5]});
        }
        const auto output = conv_lstm_layer(v[0], weights, {v[1], v[2]}, options);
        return std::vector{output.y, output.h, output.c};
      });
  return {results[0], results[1], results[2]};
}

CNNRNN_NAMESPACE_END
