#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "cnnrnn/kernels/column_sums.hpp"
#include "cnnrnn/kernels/elementwise.hpp"
#include "cnnrnn/kernels/recurrent.hpp"

// What follows from the gradients of the products of all steps: those of the input and of the
// weights, one matrix product each.
//
//   N sequences, T steps, F features, U units, D directions, G gates

CNNRNN_KERNELS_BEGIN

/// The gradients of one direction's weights.
template <class T>
struct RecurrentWeightGradients {
  GradientSpan<T> weight_ih;
  GradientSpan<T> weight_hh;
  GradientSpan<T> bias_ih;
  GradientSpan<T> bias_hh;
};

/// dx = the sum over directions of dgates W_ih
template <class T>
void recurrent_backward_input(const RecurrentDims& d, const RecurrentCell<T>& cell,
                              std::span<const RecurrentWeights<T>> weights, const T* dgates,
                              GradientSpan<T> dx) {
  const Index width = cell.gates * d.u;
  Tensor<T> together({d.directions * width, d.f});  // one sum over all gates: dx is stored once
  T* to = together.mutable_data();
  for (const auto& w : weights) {
    to = std::copy_n(w.weight_ih, width * d.f, to);
  }
  linear_backward_input({d.rows(), d.f, d.directions * width}, together.data(), dgates, dx);
}

/// dW_ih = dgates^T x, of all directions in one product, so that x is read once.
template <class T>
void recurrent_backward_weight_ih(const RecurrentDims& d, const RecurrentCell<T>& cell, const T* x,
                                  const T* dgates,
                                  std::span<const RecurrentWeightGradients<T>> gradients) {
  const Index width = cell.gates * d.u;
  const auto needed = [](const auto& gradient) { return gradient.weight_ih.needed(); };
  if (std::none_of(gradients.begin(), gradients.end(), needed)) {
    return;
  }
  Tensor<T> together({d.directions * width, d.f});
  linear_backward_weight({d.rows(), d.f, d.directions * width}, x, dgates,
                         {together.mutable_span(), false});
  const T* from = together.data();
  for (const auto& gradient : gradients) {
    store_gradient(gradient.weight_ih, [from](std::size_t i) { return from[i]; });
    from += width * d.f;
  }
}

/// dW_hh = dproduct^T states, part by part.
template <class T>
void recurrent_backward_weight_hh(const RecurrentDims& d, const RecurrentCell<T>& cell, Index k,
                                  const RecurrentTrace<const T>& trace,
                                  const RecurrentProductGradients<T>& products,
                                  GradientSpan<T> weight_hh) {
  if (!weight_hh.needed()) {
    return;
  }
  const Index states = d.directions * d.u;
  for (const StateProduct& product : cell.products) {
    const Index first = product.first * d.u;
    const T* const dproduct =
        product.apart ? products.apart + k * d.u : products.gates + k * cell.gates * d.u + first;
    const Index row_stride = product.apart ? states : cell.gates * states;
    const T* const by = (product.with_kept ? trace.kept : trace.before) + k * d.u;
    gemm<T>(product.gates * d.u, d.u, d.rows(), {dproduct, 1, row_stride}, {by, states, 1},
            {weight_hh.data() + first * d.u, d.u, weight_hh.accumulate});
  }
}

/// db_ih and db_hh: the sums of the gradients of what they were added to.
template <class T>
void recurrent_backward_bias(const RecurrentDims& d, const RecurrentCell<T>& cell,
                             const RecurrentProductGradients<T>& products,
                             std::span<const RecurrentWeightGradients<T>> gradients) {
  const auto needed = [](const auto& gradient) {
    return gradient.bias_ih.needed() || gradient.bias_hh.needed();
  };
  if (std::none_of(gradients.begin(), gradients.end(), needed)) {
    return;
  }
  const Index width = cell.gates * d.u;
  Tensor<T> sums({d.directions, width});
  auto apart = Tensor<T>::zeros({d.directions, d.u});
  column_sums(d.rows(), sums.size(), products.gates, {sums.mutable_span(), false});
  if (products.apart != nullptr) {
    column_sums<T>(d.rows(), apart.size(), products.apart, {apart.mutable_span(), false});
  }
  for (Index k = 0; k < d.directions; ++k) {
    const auto& gradient = gradients[static_cast<std::size_t>(k)];
    T* const sum = sums.mutable_data() + k * width;
    const auto stored = [sum](std::size_t i) { return sum[i]; };
    store_gradient(gradient.bias_ih, stored);
    for (const StateProduct& product : cell.products) {
      if (product.apart) {
        std::copy_n(apart.data() + k * d.u, d.u, sum + product.first * d.u);
      }
    }
    store_gradient(gradient.bias_hh, stored);
  }
}

/// The gradients of all weights but the peepholes; x (rows, F).
template <class T>
void recurrent_backward_weights(const RecurrentDims& d, const RecurrentCell<T>& cell, const T* x,
                                const RecurrentTrace<const T>& trace,
                                const RecurrentProductGradients<T>& products,
                                std::span<const RecurrentWeightGradients<T>> gradients) {
  recurrent_backward_weight_ih<T>(d, cell, x, products.gates, gradients);
  for (Index k = 0; k < d.directions; ++k) {
    recurrent_backward_weight_hh<T>(d, cell, k, trace, products,
                                    gradients[static_cast<std::size_t>(k)].weight_hh);
  }
  recurrent_backward_bias<T>(d, cell, products, gradients);
}

CNNRNN_KERNELS_END
