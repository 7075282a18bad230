#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/kernels/conv_lstm/backward.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/reduction/column_sums.hpp"

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

/// Copies `channels` elements of every pixel between rows of other widths; zeros for null.
template <class T>
void copy_channels(const ConvLstmDims& d, Index channels, const T* from, Index from_width, T* to,
                   Index to_width) {
  for (Index pixel = 0; pixel < d.pixels(); ++pixel, to += to_width) {
    if (from == nullptr) {
      std::fill_n(to, channels, T(0));
      continue;
    }
    for_each_lanes<T>(channels, [=](const auto& lanes) { lanes.store(to, lanes.load(from)); });
    from += from_width;
  }
}

/// What the convolutions of a range's steps read, (range, T, H, W, D U + C): the state before the
/// step of each direction, then the input. The reverse direction begins with h0 (D, N, H, W, U),
/// which may be null, at the last step of each sequence.
template <class T>
void conv_lstm_sources(const ConvLstmDims& d, SequenceRange range, const T* x, const T* lengths,
                       const T* h0, const T* y, T* sources) {
  const Index states = d.directions * d.u;
  const Index width = states + d.c;
  parallel_for(range.count * d.t, 16, [&](Index begin, Index end) {
    for (Index at = begin; at < end; ++at) {
      const Index step = range.first * d.t + at;
      const Index n = step / d.t;
      const Index time = step % d.t;
      T* const to = sources + at * d.pixels() * width;
      for (Index k = 0; k < d.directions; ++k) {
        const bool first = k == 0 ? time == 0 : time + 1 >= static_cast<Index>(lengths[n]);
        const Index before = k == 0 ? step - 1 : step + 1;
        if (!first) {
          copy_channels(d, d.u, y + before * d.pixels() * states + k * d.u, states, to + k * d.u,
                        width);
        } else {
          const T* const initial = h0 != nullptr ? h0 + (k * d.n + n) * d.pixels() * d.u : nullptr;
          copy_channels(d, d.u, initial, d.u, to + k * d.u, width);
        }
      }
      copy_channels(d, d.c, x + step * d.pixels() * d.c, d.c, to + states, width);
    }
  });
}

}  // namespace detail

/// The gradients of the weights while they are summed, range after range of the sequences. dW_ih
/// and dW_hh of all directions are one weight gradient. It also has the states of one direction
/// with the gates of the other, which nobody needs; yet transforming the gates' gradients once
/// instead of three times saves more.
template <class T>
class ConvLstmWeightSums {
 public:
  explicit ConvLstmWeightSums(const ConvLstmDims& d)
      : d_(d),
        row_((d.directions * d.u + d.c) * d.kernel.area()),
        weight_({gates(), row_}),
        bias_({gates()}) {}

  /// Adds what one range contributes.
  void add(SequenceRange range, const T* x, const T* lengths, const T* h0, const T* y,
           const T* dgates) {
    Tensor<T> sources({range.count * d_.t, d_.h, d_.w, d_.directions * d_.u + d_.c});
    detail::conv_lstm_sources(d_, range, x, lengths, h0, y, sources.mutable_data());
    conv2d_backward_weight(d_.steps(range.count), sources.data(), dgates,
                           {weight_.mutable_span(), added_});
    column_sums(range.count * d_.t * d_.pixels(), gates(), dgates, {bias_.mutable_span(), added_});
    added_ = true;
  }

  /// Stores the gradients of the weights and the bias of each direction.
  void store(std::span<const ConvLstmWeightGradients<T>> gradients) const {
    const Index taps = d_.kernel.area();
    for (Index k = 0; k < d_.directions; ++k) {
      const auto& g = gradients[static_cast<std::size_t>(k)];
      const T* const rows = weight_.data() + k * 4 * d_.u * row_;
      store_rows(g.weight_hh, d_.u * taps, rows + k * d_.u * taps);
      store_rows(g.weight_ih, d_.c * taps, rows + d_.directions * d_.u * taps);
      const T* const bias = bias_.data() + k * 4 * d_.u;
      store_gradient(g.bias, [=](std::size_t i) { return bias[i]; });
    }
  }

 private:
  Index gates() const { return d_.directions * 4 * d_.u; }

  /// Of each gate `length` elements from a row of all channels.
  void store_rows(const GradientSpan<T>& gradient, Index length, const T* from) const {
    store_gradient(gradient, [=, row = row_](std::size_t i) {
      const auto at = static_cast<Index>(i);
      return from[at / length * row + at % length];
    });
  }

  ConvLstmDims d_;
  Index row_;
  Tensor<T> weight_;  // (D 4U, D U + C, KH, KW)
  Tensor<T> bias_;    // (D 4U)
  bool added_ = false;
};

/// Adds up what the blocks have left, (B, D, H W, U, 3), in their order.
template <class T>
void conv_lstm_backward_peepholes(const ConvLstmDims& d, const T* dpeepholes,
                                  std::span<const ConvLstmWeightGradients<T>> gradients) {
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

/// The way back of a layer: the gradients of the input, the initial states and the weights. Ranges
/// of sequences one after the other, so that what the steps leave for the weights' gradients is
/// still in the cache. h0 and c0 (D, N, H, W, U) may be null.
template <class T>
void conv_lstm_backward(const ConvLstmDims& d, std::span<const ConvLstmWeights<T>> weights,
                        const T* x, const T* lengths, const T* h0, const T* c0, const T* y,
                        const ConvLstmTrace<const T>& trace, const ConvLstmGradients<T>& gradients,
                        std::span<const ConvLstmWeightGradients<T>> weight_gradients) {
  std::vector<ConvLstmBackward<T>> directions;
  for (const auto& w : weights) {
    directions.emplace_back(d, w, gradients.dx.needed());
  }
  const bool needs_weights =
      std::any_of(weight_gradients.begin(), weight_gradients.end(), [](const auto& g) {
        return g.weight_ih.needed() || g.weight_hh.needed() || g.bias.needed();
      });
  const Index most = d.range_sequences<T>();
  Tensor<T> dgates({std::min(d.n, most), d.t, d.pixels(), d.directions * 4 * d.u});
  Tensor<T> dpeepholes({d.blocks<T>(), d.directions, d.pixels(), d.u, 3});
  ConvLstmWeightSums<T> sums(d);
  for (Index first = 0; first == 0 || first < d.n; first += most) {
    const SequenceRange range{first, std::min(most, d.n - first)};
    conv_lstm_backward_steps<T>(d, directions, lengths, c0, trace, gradients,
                                {range, dgates.mutable_data(), dpeepholes.mutable_data()});
    if (needs_weights) {
      sums.add(range, x, lengths, h0, y, dgates.data());
    }
  }
  if (needs_weights) {
    sums.store(weight_gradients);
  }
  conv_lstm_backward_peepholes<T>(d, dpeepholes.data(), weight_gradients);
}

CNNRNN_KERNELS_END
