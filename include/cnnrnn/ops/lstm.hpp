#pragma once

#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/lstm.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/slice.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The weights of one direction of one LSTM layer, gates in the order i f g o: weight_ih (4U, F),
/// weight_hh (4U, U), and biases (4U), which may be undefined.
template <class T>
struct LstmWeights {
  Variable<T> weight_ih;
  Variable<T> weight_hh;
  Variable<T> bias_ih;
  Variable<T> bias_hh;
};

/// The states of L layers with D directions, each (L D, N, U); undefined ones are zeros.
template <class T>
struct LstmStates {
  Variable<T> h;
  Variable<T> c;
};

/// What an LSTM gives: y (N, T, D U), h and c (L D, N, U).
template <class T>
struct LstmOutput {
  Variable<T> y;
  Variable<T> h;
  Variable<T> c;
};

namespace detail {

inline void check_lstm_shape(const char* what, const Shape& expected, const Shape& got) {
  require<ShapeError>(expected == got, "lstm: expected ", what, " of shape ", expected, ", got ",
                      got);
}

template <class T>
void check_lstm(const kernels::LstmDims& d, const Variable<T>& x,
                const std::vector<LstmWeights<T>>& directions, const LstmStates<T>& initial) {
  require<ShapeError>(x.dim(1) > 0 && x.dim(2) == d.f, "lstm: expected an input (N, T, ", d.f,
                      ") of at least one step, got ", x.shape());
  for (const auto& w : directions) {
    check_lstm_shape("a weight_ih", {4 * d.u, d.f}, w.weight_ih.shape());
    check_lstm_shape("a weight_hh", {4 * d.u, d.u}, w.weight_hh.shape());
    for (const auto& bias : {w.bias_ih, w.bias_hh}) {
      check_lstm_shape("a bias", {4 * d.u}, bias.defined() ? bias.shape() : Shape{4 * d.u});
    }
  }
  for (const auto& state : {initial.h, initial.c}) {
    const Shape expected{d.directions, d.n, d.u};
    check_lstm_shape("an initial state", expected, state.defined() ? state.shape() : expected);
  }
}

template <class T>
kernels::LstmDims lstm_dims(const Variable<T>& x, const std::vector<LstmWeights<T>>& directions,
                            const LstmStates<T>& initial) {
  require<ShapeError>(directions.size() == 1 || directions.size() == 2,
                      "lstm: expected the weights of 1 or 2 directions, got ", directions.size());
  const auto& weight_ih = directions.front().weight_ih;
  require<ShapeError>(x.rank() == 3 && weight_ih.rank() == 2,
                      "lstm: expected an input (N, T, F) and a weight_ih (4U, F), got ", x.shape(),
                      " and ", weight_ih.shape());
  const kernels::LstmDims d{x.dim(0), x.dim(1), weight_ih.dim(1), weight_ih.dim(0) / 4,
                            std::ssize(directions)};
  check_lstm(d, x, directions, initial);
  return d;
}

template <class T>
kernels::LstmWeights<T> lstm_pointers(const LstmWeights<T>& w) {
  return {w.weight_ih.value().data(), w.weight_hh.value().data(), w.bias_ih.value().data(),
          w.bias_hh.value().data()};
}

/// The backward function of one layer; its inputs are x, h0, c0 and four weights a direction.
template <class T>
struct LstmLayerBackward {
  kernels::LstmDims d;
  Saved<T> x, h0, c0, y, cells, gates;
  std::vector<std::pair<Saved<T>, Saved<T>>> weights;  // weight_ih, weight_hh

  void operator()(Gradients<T>& g) const {
    const kernels::LstmTrace<const T> trace{h0->data(), c0->data(), y->data(), cells->data(),
                                            gates->data()};
    std::vector<kernels::LstmWeights<T>> pointers;
    for (const auto& [weight_ih, weight_hh] : weights) {
      pointers.push_back({weight_ih->data(), weight_hh->data(), nullptr, nullptr});
    }
    Tensor<T> dh = state_gradient(g.dy(1));
    Tensor<T> dc = state_gradient(g.dy(2));
    Tensor<T> dgates(gates->shape());
    kernels::lstm_backward_gates<T>(d, pointers, trace, g.dy(0).data(), dh.mutable_data(),
                                    dc.mutable_data(), dgates.mutable_data());
    kernels::lstm_backward_input<T>(d, pointers, dgates.data(), g.dx(0));
    g.give(1, dh);
    g.give(2, dc);
    std::vector<kernels::LstmWeightGradients<T>> gradients;
    for (Index k = 0; k < d.directions; ++k) {
      const Index first = 3 + 4 * k;
      gradients.push_back({g.dx(first), g.dx(first + 1), g.dx(first + 2), g.dx(first + 3)});
    }
    kernels::lstm_backward_weights<T>(d, x->data(), trace, dgates.data(), gradients);
  }

  Tensor<T> state_gradient(const Tensor<T>& given) const {
    return given.defined() ? given.clone() : Tensor<T>::zeros({d.directions, d.n, d.u});
  }
};

}  // namespace detail

/// One LSTM layer of one or two directions (Hochreiter and Schmidhuber 1997), as PyTorch's with
/// batch_first; the second direction reads the sequence from its end.
///
///   i, f, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh), g = tanh(...), c' = f c + i g,
///   h' = o tanh(c')
///
/// x (N, T, F) -> y (N, T, D U), and the last states of each direction, h and c (D, N, U). Saves x,
/// the weights, the initial states, y, the gates (D, N, T, 4U) and the cell states (D, N, T, U).
/// Throws ShapeError, also for T = 0.
template <class T>
LstmOutput<T> lstm_layer(const Variable<T>& x, const std::vector<LstmWeights<T>>& directions,
                         const LstmStates<T>& initial = {}) {
  const kernels::LstmDims d = detail::lstm_dims(x, directions, initial);
  const Shape states{d.directions, d.n, d.u};
  const auto or_zeros = [&](const Variable<T>& state) {
    return state.defined() ? state.value() : Tensor<T>::zeros(states);
  };
  const Tensor<T> h0 = or_zeros(initial.h);
  const Tensor<T> c0 = or_zeros(initial.c);
  Tensor<T> y({d.n, d.t, d.directions * d.u});
  Tensor<T> cells({d.directions, d.n, d.t, d.u});
  Tensor<T> gates({d.directions, d.n, d.t, 4 * d.u});
  Tensor<T> h(states);
  Tensor<T> c(states);

  std::vector<kernels::LstmWeights<T>> pointers;
  std::vector<Variable<T>> inputs{x, initial.h, initial.c};
  std::vector<std::pair<Saved<T>, Saved<T>>> saved;
  for (const auto& w : directions) {
    pointers.push_back(detail::lstm_pointers(w));
    inputs.insert(inputs.end(), {w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh});
    saved.emplace_back(Saved<T>(w.weight_ih.value()), Saved<T>(w.weight_hh.value()));
  }
  const kernels::LstmTrace<T> trace{h0.data(), c0.data(), y.mutable_data(), cells.mutable_data(),
                                    gates.mutable_data()};
  kernels::lstm_forward<T>(d, pointers, x.value().data(), trace, h.mutable_data(),
                           c.mutable_data());
  const auto outputs = record<T>(
      "lstm", inputs, {y, h, c},
      detail::LstmLayerBackward<T>{d, Saved<T>(x.value()), Saved<T>(h0), Saved<T>(c0), Saved<T>(y),
                                   Saved<T>(cells), Saved<T>(gates), std::move(saved)});
  return {outputs[0], outputs[1], outputs[2]};
}

/// LSTM layers one on the other: the y of each is the x of the next. `layers` holds, for each
/// layer, the weights of its directions; the states are those of all layers, (L D, N, U), in the
/// order layer 0, layer 0 reverse, layer 1, ... Throws ShapeError; see lstm_layer.
template <class T>
LstmOutput<T> lstm(const Variable<T>& x, const std::vector<std::vector<LstmWeights<T>>>& layers,
                   const LstmStates<T>& initial = {}) {
  require<ShapeError>(!layers.empty(), "lstm: expected at least one layer, got none");
  if (layers.size() == 1) {
    return lstm_layer(x, layers.front(), initial);
  }
  const Index directions = std::ssize(layers.front());
  const Index states = directions * std::ssize(layers);
  for (const auto& state : {initial.h, initial.c}) {
    require<ShapeError>(!state.defined() || (state.rank() == 3 && state.dim(0) == states),
                        "lstm: expected an initial state (", states, ", N, U), got ",
                        state.shape());
  }
  Variable<T> y = x;
  std::vector<Variable<T>> h;
  std::vector<Variable<T>> c;
  for (const auto& layer : layers) {
    const auto part = [&](const Variable<T>& state) {
      return state.defined() ? slice(state, 0, directions * std::ssize(h), directions) : state;
    };
    const LstmOutput<T> output = lstm_layer(y, layer, {part(initial.h), part(initial.c)});
    y = output.y;
    h.push_back(output.h);
    c.push_back(output.c);
  }
  return {y, concat(h, 0), concat(c, 0)};
}

CNNRNN_NAMESPACE_END
