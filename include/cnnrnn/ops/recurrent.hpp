#pragma once

#include <vector>

#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/dropout.hpp"
#include "cnnrnn/ops/recurrent_layer.hpp"
#include "cnnrnn/ops/slice.hpp"

// What lstm, gru and rnn share: layers of any cell, one on the other.

CNNRNN_NAMESPACE_BEGIN

/// What a GRU or a simple RNN gives: y (N, T, D U), h (L D, N, U).
template <class T>
struct RecurrentOutput {
  Variable<T> y;  ///< the states of all steps
  Variable<T> h;  ///< the states behind the last step
};

namespace detail {

template <class T>
PackedRecurrent<T> pack_recurrent(const kernels::RecurrentCell<T>& cell,
                                  const std::vector<std::vector<RecurrentWeights<T>>>& layers) {
  PackedRecurrent<T> packed;
  for (const auto& layer : layers) {
    auto& directions = packed.emplace_back();
    for (const auto& w : layer) {
      const Index units = w.weight_ih.dim(0) / cell.gates;
      directions.emplace_back(kernels::RecurrentDims{0, 0, w.weight_ih.dim(1), units, 1}, cell,
                              recurrent_pointers(w), true);
    }
  }
  return packed;
}

/// Layers one on the other: the y of each is the x of the next. `layers` holds, for each layer, the
/// weights of its directions; the states are those of all layers, (L D, N, U), in the order layer
/// 0, layer 0 reverse, layer 1, ...
template <class T>
RecurrentResult<T> recurrent(const kernels::RecurrentCell<T>& cell, const Variable<T>& x,
                             const std::vector<std::vector<RecurrentWeights<T>>>& layers,
                             const Variable<T>& h0, const Variable<T>& c0,
                             const RecurrentOptions& options,
                             const PackedRecurrent<T>* packed = nullptr) {
  require<ShapeError>(!layers.empty(), cell.name, ": expected at least one layer, got none");
  require<ValueError>(options.dropout >= 0 && options.dropout < 1, cell.name,
                      ": expected a dropout of at least 0 and below 1, got ", options.dropout);
  if (layers.size() == 1) {
    return recurrent_layer(cell, x, layers.front(), h0, c0, options,
                           packed != nullptr ? &packed->front() : nullptr);
  }
  require<ValueError>(options.dropout == 0 || options.random != nullptr, cell.name,
                      ": expected a generator for dropout, got none");
  const Index directions = std::ssize(layers.front());
  const Index states = directions * std::ssize(layers);
  for (const auto& state : {h0, c0}) {
    require<ShapeError>(!state.defined() || (state.rank() == 3 && state.dim(0) == states),
                        cell.name, ": expected an initial state (", states, ", N, U), got ",
                        state.shape());
  }
  Variable<T> y = x;
  std::vector<Variable<T>> h;
  std::vector<Variable<T>> c;
  for (const auto& layer : layers) {
    require<ShapeError>(std::ssize(layer) == directions, cell.name, ": expected ", directions,
                        " directions in every layer, got ", layer.size());
    const auto part = [&](const Variable<T>& state) {
      return state.defined() ? slice(state, 0, directions * std::ssize(h), directions) : state;
    };
    if (!h.empty() && options.dropout > 0) {
      y = dropout(y, options.dropout, *options.random, true);
    }
    const auto result = recurrent_layer(cell, y, layer, part(h0), part(c0), options,
                                        packed != nullptr ? &(*packed)[h.size()] : nullptr);
    const Index units = h.empty() ? result.h.dim(2) : h.front().dim(2);
    require<ShapeError>(result.h.dim(2) == units, cell.name, ": expected ", units,
                        " units in every layer, got ", result.h.dim(2));
    y = result.y;
    h.push_back(result.h);
    c.push_back(result.c);
  }
  return {y, concat(h, 0), cell.has_cell_state ? concat(c, 0) : Variable<T>()};
}

}  // namespace detail

CNNRNN_NAMESPACE_END
