#pragma once

#include <vector>

#include "cnnrnn/kernels/recurrent.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/recurrent.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The weights of one direction of one LSTM layer, gates in the order i f g o; see
/// RecurrentWeights.
template <class T>
using LstmWeights = RecurrentWeights<T>;

/// The states of L layers with D directions, each (L D, N, U); undefined ones are zeros.
template <class T>
struct LstmStates {
  Variable<T> h;  ///< hidden states
  Variable<T> c;  ///< cell states
};

/// What an LSTM gives: y (N, T, D U), h and c (L D, N, U).
template <class T>
struct LstmOutput {
  Variable<T> y;  ///< the hidden states of all steps
  Variable<T> h;  ///< hidden states behind the last step
  Variable<T> c;  ///< cell states behind the last step
};

/// One LSTM layer of one or two directions (Hochreiter and Schmidhuber 1997), as PyTorch's with
/// batch_first; the second direction reads the sequence from its end.
///
///   i, f = sigmoid(W_ih x + b_ih + W_hh h + b_hh [+ w_c c]), g = tanh(...), c' = f c + i g,
///   o = sigmoid(... [+ w_co c']), h' = o tanh(c')
///
/// x (N, T, F) -> y (N, T, D U), and the last states of each direction, h and c (D, N, U). With
/// lengths, y past the end of a sequence is 0, its last states are those of its own last step, and
/// the reverse direction begins there; x may hold anything past the end. Dropout is between layers
/// and has no effect here. Saves x, the weights, the gates (N, T, D 4U) and the states (N, T, D U).
/// Throws ShapeError, also for T = 0, and ValueError for a length out of range. Peepholes: Gers,
/// Schraudolph and Schmidhuber (2002).
template <class T>
LstmOutput<T> lstm_layer(const Variable<T>& x, const std::vector<LstmWeights<T>>& directions,
                         const LstmStates<T>& initial = {}, const RecurrentOptions& options = {}) {
  const auto result = detail::recurrent_layer(kernels::lstm_cell<T>(), x, directions, initial.h,
                                              initial.c, options);
  return {result.y, result.h, result.c};
}

namespace detail {

template <class T>
PackedRecurrent<T> pack_lstm(const std::vector<std::vector<LstmWeights<T>>>& layers) {
  return pack_recurrent(kernels::lstm_cell<T>(), layers);
}

template <class T>
requires is_bfloat16<T> PackedRecurrent<T> pack_lstm(
    const std::vector<std::vector<LstmWeights<T>>>& layers) {
  return pack_lstm(layers_in_float(layers));
}

}  // namespace detail

/// LSTM layers one on the other: the y of each is the x of the next. `layers` holds, for each
/// layer, the weights of its directions; the states are those of all layers, (L D, N, U), in the
/// order layer 0, layer 0 reverse, layer 1, ... Throws as lstm_layer, also ShapeError for layers
/// that differ in directions or units, and ValueError for a dropout out of range or without a
/// generator. `packed`, if given, are the weights of the layers packed before.
template <class T>
LstmOutput<T> lstm(const Variable<T>& x, const std::vector<std::vector<LstmWeights<T>>>& layers,
                   const LstmStates<T>& initial = {}, const RecurrentOptions& options = {},
                   const PackedRecurrent<T>* packed = nullptr) {
  const auto result =
      detail::recurrent(kernels::lstm_cell<T>(), x, layers, initial.h, initial.c, options, packed);
  return {result.y, result.h, result.c};
}

/// The same of bfloat16, computed in float: gates and states are rounded at the end alone.
template <class T>
requires is_bfloat16<T> LstmOutput<T> lstm(const Variable<T>& x,
                                           const std::vector<std::vector<LstmWeights<T>>>& layers,
                                           const LstmStates<T>& initial = {},
                                           const RecurrentOptions& options = {},
                                           const PackedRecurrent<T>* packed = nullptr) {
  const auto result = detail::recurrent_in_float(
      "lstm", x, layers, initial.h, initial.c,
      [&](const auto& in, const auto& weights, const auto& h, const auto& c) {
        const auto output = lstm(in, weights, {h, c}, options, packed);
        return std::vector{output.y, output.h, output.c};
      });
  return {result.y, result.h, result.c};
}

/// The same of bfloat16.
template <class T>
requires is_bfloat16<T> LstmOutput<T> lstm_layer(const Variable<T>& x,
                                                 const std::vector<LstmWeights<T>>& directions,
                                                 const LstmStates<T>& initial = {},
                                                 const RecurrentOptions& options = {}) {
  return lstm(x, {directions}, initial, options);
}

CNNRNN_NAMESPACE_END
