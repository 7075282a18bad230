#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/kernels/column_sums.hpp"
#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/kernels/conv_lstm.hpp"
#include "cnnrnn/kernels/elementwise.hpp"
#include "cnnrnn/kernels/lanes.hpp"

// The gradients of the weights of a convolutional LSTM, each in one go over all steps.

CNNRNN_KERNELS_BEGIN

/// The gradients of one direction's weights.
template <class T>
struct ConvLstmWeightGradients {
  GradientSpan<T> weight_ih;
  GradientSpan<T> weight_hh;
  GradientSpan<T> bias;
  GradientSpan<T> peephole_i;
  GradientSpan<T> peephole_f;
  GradientSpan<T> peephole_o;
};

namespace detail {

template <class T>
using ConvLstmSpans = std::span<const ConvLstmWeightGradients<T>>;

/// Whether a gradient of any direction is needed.
template <class T>
bool needs_any(ConvLstmSpans<T> gradients, GradientSpan<T> ConvLstmWeightGradients<T>::*which) {
  return std::any_of(gradients.begin(), gradients.end(),
                     [which](const auto& g) { return (g.*which).needed(); });
}

/// dW_ih: the directions are outputs of one convolution of x.
template <class T>
void conv_lstm_backward_weight_ih(const ConvLstmDims& d, const T* x, const T* dgates,
                                  ConvLstmSpans<T> gradients) {
  if (!needs_any(gradients, &ConvLstmWeightGradients<T>::weight_ih)) {
    return;
  }
  const Index size = 4 * d.u * d.c * d.kernel.area();
  Tensor<T> all({d.directions * size});
  conv2d_backward_weight(d.all_steps(d.c), x, dgates, {all.mutable_span(), false});
  for (Index k = 0; k < d.directions; ++k) {
    store_gradient(gradients[static_cast<std::size_t>(k)].weight_ih,
                   [from = all.data() + k * size](std::size_t i) { return from[i]; });
  }
}

/// Copies the states of all pixels between rows of other widths.
template <class T>
void copy_states(const ConvLstmDims& d, const T* from, Index from_width, T* to, Index to_width) {
  for (Index pixel = 0; pixel < d.pixels(); ++pixel, from += from_width, to += to_width) {
    for_each_lanes<T>(d.u, [=](const auto& lanes) { lanes.store(to, lanes.load(from)); });
  }
}
template <class T>
void clear_states(const ConvLstmDims& d, T* to, Index to_width) {
  for (Index pixel = 0; pixel < d.pixels(); ++pixel, to += to_width) {
    std::fill_n(to, d.u, T(0));
  }
}

/// The states before every step, (N, T, H, W, D U): what the recurrent weights were applied to. Of
/// a sequence's last step the reverse direction begins with h0 (D, N, H, W, U), which may be null.
template <class T>
Tensor<T> conv_lstm_states_before(const ConvLstmDims& d, const T* lengths, const T* h0,
                                  const T* y) {
  const Index width = d.directions * d.u;
  Tensor<T> before({d.n, d.t, d.h, d.w, width});
  T* const to = before.mutable_data();
  parallel_for(d.n * d.t, 16, [&](Index begin, Index end) {
    for (Index step = begin; step < end; ++step) {
      const Index n = step / d.t;
      const Index time = step % d.t;
      for (Index k = 0; k < d.directions; ++k) {
        T* const target = to + step * d.pixels() * width + k * d.u;
        const bool first = k == 0 ? time == 0 : time + 1 >= static_cast<Index>(lengths[n]);
        if (!first) {
          const Index neighbour = k == 0 ? step - 1 : step + 1;
          copy_states(d, y + neighbour * d.pixels() * width + k * d.u, width, target, width);
        } else if (h0 != nullptr) {
          copy_states(d, h0 + (k * d.n + n) * d.pixels() * d.u, d.u, target, width);
        } else {
          clear_states(d, target, width);
        }
      }
    }
  });
  return before;
}

/// dW_hh. Winograd's way for all pairs of channels is faster than the direct one for those of the
/// same direction.
template <class T>
void conv_lstm_backward_weight_hh(const ConvLstmDims& d, const T* lengths, const T* h0, const T* y,
                                  const T* dgates, ConvLstmSpans<T> gradients) {
  if (!needs_any(gradients, &ConvLstmWeightGradients<T>::weight_hh)) {
    return;
  }
  Conv2dDims steps = d.all_steps(d.directions * d.u);
  const bool all_pairs = steps.uses_winograd();
  steps.groups = all_pairs ? 1 : d.directions;
  const Index taps = d.kernel.area();
  Tensor<T> all({steps.o, steps.group_c(), taps});
  const auto before = conv_lstm_states_before(d, lengths, h0, y);
  conv2d_backward_weight(steps, before.data(), dgates, {all.mutable_span(), false});
  for (Index k = 0; k < d.directions; ++k) {
    const T* const from =
        all.data() + (k * 4 * d.u * steps.group_c() + (all_pairs ? k * d.u : 0)) * taps;
    store_gradient(gradients[static_cast<std::size_t>(k)].weight_hh, [&](std::size_t i) {
      const auto at = static_cast<Index>(i);
      const Index row = d.u * taps;
      return from[at / row * steps.group_c() * taps + at % row];
    });
  }
}

template <class T>
void conv_lstm_backward_bias(const ConvLstmDims& d, const T* dgates, ConvLstmSpans<T> gradients) {
  if (!needs_any(gradients, &ConvLstmWeightGradients<T>::bias)) {
    return;
  }
  const Index columns = d.directions * 4 * d.u;
  Tensor<T> sums({columns});
  column_sums(d.n * d.t * d.pixels(), columns, dgates, {sums.mutable_span(), false});
  for (Index k = 0; k < d.directions; ++k) {
    store_gradient(gradients[static_cast<std::size_t>(k)].bias,
                   [from = sums.data() + k * 4 * d.u](std::size_t i) { return from[i]; });
  }
}

/// Adds up what the blocks have left, (B, D, H W, U, 3), in their order.
template <class T>
void conv_lstm_backward_peepholes(const ConvLstmDims& d, const T* dpeepholes,
                                  ConvLstmSpans<T> gradients) {
  const Index columns = d.directions * d.pixels() * d.u * 3;
  Tensor<T> sums({columns});
  column_sums(d.blocks<T>(), columns, dpeepholes, {sums.mutable_span(), false});
  for (Index k = 0; k < d.directions; ++k) {
    const auto& g = gradients[static_cast<std::size_t>(k)];
    const T* from = sums.data() + k * d.pixels() * d.u * 3;
    for (const auto& gradient : {g.peephole_i, g.peephole_f, g.peephole_o}) {
      store_gradient(gradient, [&](std::size_t i) {
        const auto at = static_cast<Index>(i);
        return from[(at % d.pixels() * d.u + at / d.pixels()) * 3];
      });
      ++from;
    }
  }
}

}  // namespace detail

/// All weights' gradients from those of the gates (N, T, H, W, D 4U) and the blocks' of the
/// peepholes.
template <class T>
void conv_lstm_backward_weights(const ConvLstmDims& d, const T* x, const T* lengths, const T* h0,
                                const T* y, const T* dgates, const T* dpeepholes,
                                std::span<const ConvLstmWeightGradients<T>> gradients) {
  detail::conv_lstm_backward_weight_ih(d, x, dgates, gradients);
  detail::conv_lstm_backward_weight_hh(d, lengths, h0, y, dgates, gradients);
  detail::conv_lstm_backward_bias(d, dgates, gradients);
  detail::conv_lstm_backward_peepholes(d, dpeepholes, gradients);
}

CNNRNN_KERNELS_END
