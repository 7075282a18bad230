#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cnnrnn/kernels/column_sums.hpp"
#include "cnnrnn/kernels/elementwise.hpp"
#include "cnnrnn/kernels/linear.hpp"
#include "cnnrnn/kernels/recurrent.hpp"

// Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; PyTorch's weights.
//
//   N sequences, T steps, F features, U units, D directions (1 or 2); gates in the order i f g o

CNNRNN_KERNELS_BEGIN

struct LstmDims {
  Index n, t, f, u, directions;

  SequenceDims sequence() const { return {n, t, u}; }
  LinearDims input_product() const { return {n * t, f, 4 * u}; }
  LinearDims state_product() const { return {n * t, u, 4 * u}; }
};

/// The weights of one direction: (4U, F), (4U, U), (4U), (4U). The biases may be null.
template <class T>
struct LstmWeights {
  const T* weight_ih;
  const T* weight_hh;
  const T* bias_ih;
  const T* bias_hh;
};

/// All that forward starts from and leaves behind, which backward reads as const T.
template <class T>
struct LstmTrace {
  const T* h0;  // (D, N, U)
  const T* c0;  // (D, N, U)
  T* y;         // (N, T, D U)
  T* cells;     // (D, N, T, U)
  T* gates;     // (D, N, T, 4U)

  StateSequence<T> h_of(const LstmDims& d, Index direction) const {
    return {h0 + direction * d.n * d.u, y + direction * d.u, d.directions * d.u};
  }
  StateSequence<T> c_of(const LstmDims& d, Index direction) const {
    return {c0 + direction * d.n * d.u, cells + direction * d.n * d.t * d.u, d.u};
  }
  T* gates_of(const LstmDims& d, Index direction) const {
    return gates + direction * d.n * d.t * 4 * d.u;
  }
};

/// c' = f c + i g, h' = o tanh(c')
template <class T>
struct LstmForward {
  SequenceDims d;
  StateSequence<T> c;
  T* gates;  // (N, T, 4U): comes as the product of the input, leaves as the gates

  void forward(Index n, Step step, const T* product, const T* /*h_before*/, T* h) const {
    const T* const c_before = c.before(d, n, step).data;
    T* const c_after = c.at(d, n, step.time);
    T* const gate = gates + (n * d.t + step.time) * 4 * d.u;
    for_each_lanes<T>(d.u, [&](auto lanes) {
      const auto input = [&](Index k) {
        return lanes.load(gate + k * d.u) + lanes.load(product + k * d.u);
      };
      const auto i = sigmoid(input(0));
      const auto f = sigmoid(input(1));
      const auto g = tanh(input(2));
      const auto o = sigmoid(input(3));
      const auto state = multiply_add(f, lanes.load(c_before), i * g);
      lanes.store(gate, i);
      lanes.store(gate + d.u, f);
      lanes.store(gate + 2 * d.u, g);
      lanes.store(gate + 3 * d.u, o);
      lanes.store(c_after, state);
      lanes.store(h, o * tanh(state));
    });
  }
};

/// dc' += dh' o (1 - tanh(c')^2), from which the gates' gradients follow, and dc = dc' f
template <class T>
struct LstmBackward {
  static constexpr bool keeps_part_of_dh = false;

  SequenceDims d;
  StateSequence<const T> c;
  const T* gates;  // (N, T, 4U)
  T* dgates;       // (N, T, 4U), before the non-linearities
  T* dc;           // (N, U): comes as the gradient of the last cell state, leaves as the first's

  void backward(Index n, Step step, const T* dh_row) const {
    const T* const c_before = c.before(d, n, step).data;
    const T* const c_after = c.at(d, n, step.time);
    const T* const gate = gates + (n * d.t + step.time) * 4 * d.u;
    T* const dgate = dgates + (n * d.t + step.time) * 4 * d.u;
    T* const dc_row = dc + n * d.u;
    for_each_lanes<T>(d.u, [&](auto lanes) {
      const auto one = Packet<T>::set(T(1));
      const auto i = lanes.load(gate);
      const auto f = lanes.load(gate + d.u);
      const auto g = lanes.load(gate + 2 * d.u);
      const auto o = lanes.load(gate + 3 * d.u);
      const auto tanh_c = tanh(lanes.load(c_after));
      const auto dh = lanes.load(dh_row);
      const auto dc_after = multiply_add(dh * o, one - tanh_c * tanh_c, lanes.load(dc_row));
      lanes.store(dgate, dc_after * g * i * (one - i));
      lanes.store(dgate + d.u, dc_after * lanes.load(c_before) * f * (one - f));
      lanes.store(dgate + 2 * d.u, dc_after * i * (one - g * g));
      lanes.store(dgate + 3 * d.u, dh * tanh_c * o * (one - o));
      lanes.store(dc_row, dc_after * f);
    });
  }

  MatrixView<T> product_gradient(Index n, Step step) const {
    return {dgates + (n * d.t + step.time) * 4 * d.u, d.t * 4 * d.u, 1};
  }
};

/// x (N, T, F) -> trace, and the states h, c (D, N, U) after the last step of each direction.
template <class T>
void lstm_forward(const LstmDims& d, std::span<const LstmWeights<T>> weights, const T* x,
                  const LstmTrace<T>& trace, T* h, T* c) {
  const SequenceDims sequence = d.sequence();
  std::vector<RecurrentForward<T, LstmForward<T>>> directions;
  for (const auto& w : weights) {
    const Index k = std::ssize(directions);
    T* const gates = trace.gates_of(d, k);
    linear_forward(d.input_product(), x, w.weight_ih, w.bias_ih, gates);
    directions.push_back({{sequence, trace.c_of(d, k), gates},
                          trace.h_of(d, k),
                          PackedB<T>(4 * d.u, d.u, {w.weight_hh, 1, d.u}),
                          w.bias_hh,
                          k == 1});
  }
  recurrent_forward<T, LstmForward<T>>(sequence, directions);
  for (Index k = 0; k < d.directions; ++k) {
    final_states(sequence, trace.h_of(d, k), k == 1, h + k * d.n * d.u);
    final_states(sequence, trace.c_of(d, k), k == 1, c + k * d.n * d.u);
  }
}

/// The gradients of one direction's weights.
template <class T>
struct LstmWeightGradients {
  GradientSpan<T> weight_ih;
  GradientSpan<T> weight_hh;
  GradientSpan<T> bias_ih;
  GradientSpan<T> bias_hh;
};

/// dgates (D, N, T, 4U), the gradients of the gates before their non-linearities. dy may be null;
/// dh and dc (D, N, U) come as the gradients of the last states and leave as those of h0 and c0.
template <class T>
void lstm_backward_gates(const LstmDims& d, std::span<const LstmWeights<T>> weights,
                         const LstmTrace<const T>& trace, const T* dy, T* dh, T* dc, T* dgates) {
  const SequenceDims sequence = d.sequence();
  std::vector<RecurrentBackward<T, LstmBackward<T>>> directions;
  for (const auto& w : weights) {
    const Index k = std::ssize(directions);
    const Index states = k * d.n * d.u;
    T* const gate_gradients = dgates + k * d.n * d.t * 4 * d.u;
    directions.push_back(
        {{sequence, trace.c_of(d, k), trace.gates_of(d, k), gate_gradients, dc + states},
         PackedB<T>(d.u, 4 * d.u, {w.weight_hh, d.u, 1}),
         dy == nullptr ? nullptr : dy + k * d.u,
         d.directions * d.u,
         dh + states,
         k == 1});
  }
  recurrent_backward<T, LstmBackward<T>>(sequence, directions);
}

/// dx = the sum over directions of dgates W_ih
template <class T>
void lstm_backward_input(const LstmDims& d, std::span<const LstmWeights<T>> weights,
                         const T* dgates, GradientSpan<T> dx) {
  for (const auto& w : weights) {
    linear_backward_input(d.input_product(), w.weight_ih, dgates, dx);
    dx.accumulate = true;
    dgates += d.n * d.t * 4 * d.u;
  }
}

/// dW_ih = dgates^T x, dW_hh = dgates^T h_before, and both biases the sum of dgates over all steps
template <class T>
void lstm_backward_weights(const LstmDims& d, const T* x, const LstmTrace<const T>& trace,
                           const T* dgates, std::span<const LstmWeightGradients<T>> gradients) {
  const Index steps = d.n * d.t;
  std::optional<PackedB<T>> packed_x;
  Tensor<T> before({steps, d.u});
  Tensor<T> sums({4 * d.u});
  for (Index k = 0; k < d.directions; ++k, dgates += steps * 4 * d.u) {
    const auto& [weight_ih, weight_hh, bias_ih, bias_hh] = gradients[static_cast<std::size_t>(k)];
    if (weight_ih.needed()) {
      if (!packed_x) {
        packed_x.emplace(d.f, steps, MatrixView<T>{x, d.f, 1});
      }
      gemm(4 * d.u, MatrixView<T>{dgates, 1, 4 * d.u}, *packed_x,
           {weight_ih.data(), d.f, weight_ih.accumulate});
    }
    if (weight_hh.needed()) {
      previous_states(d.sequence(), trace.h_of(d, k), k == 1, before.mutable_data());
      linear_backward_weight(d.state_product(), before.data(), dgates, weight_hh);
    }
    if (bias_ih.needed() || bias_hh.needed()) {
      column_sums(steps, 4 * d.u, dgates, {sums.mutable_span(), false});
      store_gradient(bias_ih, [&](std::size_t i) { return sums.data()[i]; });
      store_gradient(bias_hh, [&](std::size_t i) { return sums.data()[i]; });
    }
  }
}

CNNRNN_KERNELS_END
