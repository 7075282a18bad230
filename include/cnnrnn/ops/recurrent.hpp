#pragma once

#include <vector>

#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/dropout.hpp"
#include "cnnrnn/ops/in_float.hpp"
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

/// The weights of layers in float, each direction's seven of `all`, one behind the other from
/// `first` on.
inline std::vector<std::vector<RecurrentWeights<float>>> layers_of(
    const std::vector<Variable<float>>& all, std::size_t first,
    const std::vector<std::size_t>& sizes) {
  std::vector<std::vector<RecurrentWeights<float>>> layers;
  for (const std::size_t size : sizes) {
    auto& layer = layers.emplace_back();
    for (std::size_t direction = 0; direction < size; ++direction, first += 7) {
      RecurrentWeights<float>& w =
          layer.emplace_back(all[first], all[first + 1], all[first + 2], all[first + 3]);
      w.weight_ci = all[first + 4];
      w.weight_cf = all[first + 5];
      w.weight_co = all[first + 6];
    }
  }
  return layers;
}

/// Layers of bfloat16, computed in float by op(x, layers, h0, c0), which gives y, h and, where the
/// cell has one, c.
template <class T, class Op>
RecurrentResult<T> recurrent_in_float(const char* name, const Variable<T>& x,
                                      const std::vector<std::vector<RecurrentWeights<T>>>& layers,
                                      const Variable<T>& h0, const Variable<T>& c0, const Op& op) {
  std::vector<Variable<T>> inputs{x, h0, c0};
  std::vector<std::size_t> sizes;
  for (const auto& layer : layers) {
    sizes.push_back(layer.size());
    for (const auto& w : layer) {
      const auto all = w.all();
      inputs.insert(inputs.end(), all.begin(), all.end());
    }
  }
  const auto results = all_in_float<T>(name, inputs, [&](const std::vector<Variable<float>>& v) {
    return op(v[0], layers_of(v, 3, sizes), v[1], v[2]);
  });
  return {results[0], results[1], results.size() > 2 ? results[2] : Variable<T>()};
}

/// The layers in float, for packing.
template <class T>
std::vector<std::vector<RecurrentWeights<float>>> layers_in_float(
    const std::vector<std::vector<RecurrentWeights<T>>>& layers) {
  std::vector<Variable<float>> all;
  std::vector<std::size_t> sizes;
  for (const auto& layer : layers) {
    sizes.push_back(layer.size());
    for (const auto& w : layer) {
      for (const auto& weight : w.all()) {
        all.push_back(in_float(weight));
      }
    }
  }
  return layers_of(all, 0, sizes);
}

}  // namespace detail

CNNRNN_NAMESPACE_END
