#pragma once

#include <vector>

#include "cnnrnn/kernels/recurrent.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/recurrent.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The function of a simple RNN.
enum class RnnNonlinearity { tanh, relu };

/// Simple recurrent layers one on the other (Elman 1990), of one or two directions:
///
///   h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with a ReLU
///
/// x (N, T, F) -> y (N, T, D U), and the last states h (L D, N, U); the initial states h0 are zeros
/// if undefined. Layers, lengths, what is saved and thrown: as lstm.
template <class T>
RecurrentOutput<T> rnn(const Variable<T>& x,
                       const std::vector<std::vector<RecurrentWeights<T>>>& layers,
                       const Variable<T>& h0 = {},
                       RnnNonlinearity nonlinearity = RnnNonlinearity::tanh,
                       const RecurrentOptions& options = {},
                       const PackedRecurrent<T>* packed = nullptr) {
  const auto cell = kernels::rnn_cell<T>(nonlinearity == RnnNonlinearity::relu);
  const auto result = detail::recurrent(cell, x, layers, h0, {}, options, packed);
  return {result.y, result.h};
}

namespace detail {

template <class T>
PackedRecurrent<T> pack_rnn(const std::vector<std::vector<RecurrentWeights<T>>>& layers) {
  return pack_recurrent(kernels::rnn_cell<T>(false), layers);
}

template <class T>
requires is_bfloat16<T> PackedRecurrent<T> pack_rnn(
    const std::vector<std::vector<RecurrentWeights<T>>>& layers) {
  return pack_rnn(layers_in_float(layers));
}

}  // namespace detail

/// The same of bfloat16, computed in float: states are rounded at the end alone.
template <class T>
requires is_bfloat16<T> RecurrentOutput<T> rnn(
    const Variable<T>& x, const std::vector<std::vector<RecurrentWeights<T>>>& layers,
    const Variable<T>& h0 = {}, RnnNonlinearity nonlinearity = RnnNonlinearity::tanh,
    const RecurrentOptions& options = {}, const PackedRecurrent<T>* packed = nullptr) {
  const auto result = detail::recurrent_in_float(
      "rnn", x, layers, h0, {},
      [&](const auto& in, const auto& weights, const auto& h, const auto& /*c*/) {
        const auto output = rnn(in, weights, h, nonlinearity, options, packed);
        return std::vector{output.y, output.h};
      });
  return {result.y, result.h};
}

CNNRNN_NAMESPACE_END
