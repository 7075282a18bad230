#pragma once

#include <vector>

#include "cnnrnn/kernels/recurrent.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/recurrent.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Where the reset gate of a GRU acts.
enum class GruForm {
  linear_before_reset,  ///< n = tanh(W_in x + b_in + r (W_hn h + b_hn)): PyTorch's, cuDNN's
  original,             ///< n = tanh(W_in x + b_in + W_hn (r h) + b_hn): Cho et al. (2014)
};

/// GRU layers one on the other (Cho et al. 2014), of one or two directions, gates in the order
/// r z n:
///
///   r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh), n as GruForm says, h' = (1 - z) n + z h
///
/// x (N, T, F) -> y (N, T, D U), and the last states h (L D, N, U); the initial states h0 are zeros
/// if undefined. Layers, lengths, what is saved and thrown: as lstm.
template <class T>
RecurrentOutput<T> gru(const Variable<T>& x,
                       const std::vector<std::vector<RecurrentWeights<T>>>& layers,
                       const Variable<T>& h0 = {}, GruForm form = GruForm::linear_before_reset,
                       const RecurrentOptions& options = {},
                       const PackedRecurrent<T>* packed = nullptr) {
  const auto cell = kernels::gru_cell<T>(form == GruForm::linear_before_reset);
  const auto result = detail::recurrent(cell, x, layers, h0, {}, options, packed);
  return {result.y, result.h};
}

namespace detail {

template <class T>
PackedRecurrent<T> pack_gru(const std::vector<std::vector<RecurrentWeights<T>>>& layers,
                            GruForm form) {
  return pack_recurrent(kernels::gru_cell<T>(form == GruForm::linear_before_reset), layers);
}

template <class T>
requires is_bfloat16<T> PackedRecurrent<T> pack_gru(
    const std::vector<std::vector<RecurrentWeights<T>>>& layers, GruForm form) {
  return pack_gru(layers_in_float(layers), form);
}

}  // namespace detail

/// The same of bfloat16, computed in float: gates and states are rounded at the end alone.
template <class T>
requires is_bfloat16<T> RecurrentOutput<T> gru(
    const Variable<T>& x, const std::vector<std::vector<RecurrentWeights<T>>>& layers,
    const Variable<T>& h0 = {}, GruForm form = GruForm::linear_before_reset,
    const RecurrentOptions& options = {}, const PackedRecurrent<T>* packed = nullptr) {
  const auto result = detail::recurrent_in_float(
      "gru", x, layers, h0, {},
      [&](const auto& in, const auto& weights, const auto& h, const auto& /*c*/) {
        const auto output = gru(in, weights, h, form, options, packed);
        return std::vector{output.y, output.h};
      });
  return {result.y, result.h};
}

CNNRNN_NAMESPACE_END
