#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/conv_lstm.hpp"

//   do = dh' tanh(c') o (1 - o), dc' += dh' o (1 - tanh(c')^2) + w_o do, di = dc' g i (1 - i),
//   df = dc' c f (1 - f), dg = dc' i (1 - g^2), dc = dc' f + w_i di + w_f df; if the output gate
//   sees the state before the step, w_o do belongs to dc instead

CNNRNN_KERNELS_BEGIN

/// One direction with its weights packed for the way back.
template <class T>
struct ConvLstmBackward {
  ConvLstmBackward(const ConvLstmDims& d, const ConvLstmWeights<T>& w, bool input)
      : convolution(d.backward(input), w.turned(d)), peepholes(pack_peepholes(d, w)) {}

  LaneConvolution<T> convolution;
  Tensor<T> peepholes;
};

/// Where the gradients of a layer come from and go to.
template <class T>
struct ConvLstmGradients {
  const T* dy;    // (N, T, H, W, D U), null for none
  const T* dh;    // (D, N, H, W, U), of the last states; null for none
  const T* dc;    // the same
  T* dgates;      // (N, T, H, W, D 4U), before the non-linearities
  T* dh0;         // (D, N, H, W, U)
  T* dc0;         // the same
  T* dpeepholes;  // (B, D, H W, U, 3), of each block
  GradientSpan<T> dx;
};

namespace detail {

/// A block of sequences of one direction on its way back.
template <class T>
class ConvLstmBackwardBlock {
 public:
  ConvLstmBackwardBlock(const ConvLstmBlock<T>& block, const ConvLstmBackward<T>& weights,
                        const ConvLstmTrace<const T>& trace, const ConvLstmGradients<T>& gradients)
      : block_(block),
        d_(block.d),
        weights_(weights),
        map_(weights.convolution.source()),
        trace_(trace),
        gradients_(gradients) {
    const Index state = d_.state_size<T>();
    const Index source = weights.convolution.source_size();
    const Index result = d_.pixels() * channels();
    scratch_ = Tensor<T>(
        {source + result + 6 * state + d_.u * lanes + weights.convolution.scratch_size()});
    source_ = scratch_.mutable_data();
    result_ = source_ + source;
    dh_ = result_ + result;
    dc_ = dh_ + state;
    c0_ = dc_ + state;
    dpeepholes_ = c0_ + state;
    dy_ = dpeepholes_ + 3 * state;
    convolution_scratch_ = dy_ + d_.u * lanes;
    std::fill_n(source_, source, T(0));
    std::fill_n(dpeepholes_, 3 * state, T(0));
  }

  void run(const T* c0, bool accumulate_input) {
    block_.load_state(gradients_.dh, dh_);
    block_.load_state(gradients_.dc, dc_);
    block_.load_state(c0, c0_);
    for (Index number = d_.t - 1; number >= 0; --number) {
      const Step step = block_.step(number);
      differentiate(step);
      store_gates(step.time);
      weights_.convolution.run(source_, nullptr, convolution_scratch_, result_);
      pass_state(step.time);
      if (gradients_.dx.needed()) {
        store_input(step.time, accumulate_input);
      }
    }
    block_.store_state(dh_, gradients_.dh0);
    block_.store_state(dc_, gradients_.dc0);
    store_peepholes();
  }

 private:
  static constexpr Index lanes = Packet<T>::width;
  using P = Packet<T>;

  /// Elements of a pixel of the convolution's result: the state's, then the input's.
  Index channels() const { return (gradients_.dx.needed() ? d_.u + d_.c : d_.u) * lanes; }

  void differentiate(Step step) {
    const T* const gates = trace_.gates_at(d_, block_.direction, block_.block, step.time);
    const T* const after = trace_.cells_at(d_, block_.direction, block_.block, step.time);
    const T* const before =
        step.first ? c0_ : trace_.cells_at(d_, block_.direction, block_.block, step.before);
    map_.for_each_pixel([&](Index pixel, Index place) {
      load_output_gradient(step.time, pixel);
      const T* const peepholes = weights_.peepholes.data() + pixel * d_.u * 3;
      T* const dgate = source_ + place * 4 * d_.u * lanes;
      for (Index unit = 0; unit < d_.u; ++unit) {
        const Index at = (pixel * d_.u + unit) * lanes;
        const auto dh = P::load(dh_ + at) + P::load(dy_ + unit * lanes);
        differentiate_unit(dh, gates + (pixel * 4 * d_.u + unit) * lanes, before + at, after + at,
                           peepholes + unit * 3, dgate + unit * lanes, dc_ + at,
                           dpeepholes_ + 3 * at);
      }
    });
  }

  /// dy of one pixel (U, L). What came for steps that a sequence does not have meets o = 0.
  void load_output_gradient(Index time, Index pixel) {
    if (gradients_.dy == nullptr) {
      std::fill_n(dy_, d_.u * lanes, T(0));
      return;
    }
    const Index width = d_.directions * d_.u;
    to_lanes(d_.u, block_.count,
             gradients_.dy + block_.direction * d_.u + block_.place(time, pixel, width),
             block_.stride(width), dy_);
  }

  void differentiate_unit(P dh, const T* gate, const T* before, const T* after, const T* peepholes,
                          T* dgate, T* dc, T* dpeepholes) const {
    const Index next = d_.u * lanes;
    const auto one = P::set(T(1));
    const auto w_i = P::set(peepholes[0]);
    const auto w_f = P::set(peepholes[1]);
    const auto w_o = P::set(peepholes[2]);
    const auto i = P::load(gate);
    const auto f = P::load(gate + next);
    const auto g = P::load(gate + 2 * next);
    const auto o = P::load(gate + 3 * next);
    const auto c = P::load(before);
    const auto c_after = P::load(after);
    const auto tanh_c = tanh(c_after);
    const bool previous = d_.peepholes == Peepholes::previous;

    const auto d_o = dh * tanh_c * o * (one - o);
    const auto by_peephole = w_o * d_o;
    auto dc_after = multiply_add(dh * o, one - tanh_c * tanh_c, P::load(dc));
    dc_after = previous ? dc_after : dc_after + by_peephole;
    const auto d_i = dc_after * g * i * (one - i);
    const auto d_f = dc_after * c * f * (one - f);
    d_i.store(dgate);
    d_f.store(dgate + next);
    (dc_after * i * (one - g * g)).store(dgate + 2 * next);
    d_o.store(dgate + 3 * next);
    const auto through_gates = multiply_add(w_i, d_i, w_f * d_f);
    const auto dc_before = multiply_add(dc_after, f, through_gates);
    (previous ? dc_before + by_peephole : dc_before).store(dc);

    const auto add = [&](Index k, P gradient, P seen) {
      multiply_add(gradient, seen, P::load(dpeepholes + k * lanes)).store(dpeepholes + k * lanes);
    };
    add(0, d_i, c);
    add(1, d_f, c);
    add(2, d_o, previous ? c : c_after);
  }

  void store_gates(Index time) const {
    const Index width = d_.directions * 4 * d_.u;
    T* const to = gradients_.dgates + block_.direction * 4 * d_.u;
    map_.for_each_pixel([&](Index pixel, Index place) {
      from_lanes(4 * d_.u, block_.count, source_ + place * 4 * d_.u * lanes,
                 to + block_.place(time, pixel, width), block_.stride(width));
    });
  }

  /// The gradient of the state before the step; a sequence without the step hands on what it has.
  void pass_state(Index time) {
    const auto now = P::set(static_cast<T>(time));
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      for (Index at = 0; at < d_.u * lanes; at += lanes) {
        T* const dh = dh_ + pixel * d_.u * lanes + at;
        const auto through_step = P::load(result_ + pixel * channels() + at);
        block_.if_active(now, through_step, P::load(dh)).store(dh);
      }
    }
  }

  void store_input(Index time, bool accumulate) const {
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      from_lanes(d_.c, block_.count, result_ + pixel * channels() + d_.u * lanes,
                 gradients_.dx.data() + block_.place(time, pixel, d_.c), block_.stride(d_.c),
                 accumulate);
    }
  }

  void store_peepholes() const {
    const Index count = d_.pixels() * d_.u * 3;
    T* const to = gradients_.dpeepholes + (block_.block * d_.directions + block_.direction) * count;
    for (Index at = 0; at < count; ++at) {
      to[at] = sum(P::load(dpeepholes_ + at * lanes));
    }
  }

  ConvLstmBlock<T> block_;
  ConvLstmDims d_;
  const ConvLstmBackward<T>& weights_;
  LaneMap map_;
  ConvLstmTrace<const T> trace_;
  const ConvLstmGradients<T>& gradients_;
  Tensor<T> scratch_;
  T* source_;      // (source map, 4U, L): gradients of the gates
  T* result_;      // (H W, U + C, L): those of the state before the step and of the input
  T* dh_;          // (H W, U, L)
  T* dc_;          // (H W, U, L)
  T* c0_;          // (H W, U, L)
  T* dpeepholes_;  // (H W, U, 3, L)
  T* dy_;          // (U, L)
  T* convolution_scratch_;
};

}  // namespace detail

/// The way back through all steps: the gradients of the gates, the input, the initial states and
/// the peepholes. c0 (D, N, H, W, U) may be null. Both directions of a block add to the same dx, so
/// one thread takes both.
template <class T>
void conv_lstm_backward_steps(const ConvLstmDims& d, std::span<const ConvLstmWeights<T>> weights,
                              const T* lengths, const T* c0, const ConvLstmTrace<const T>& trace,
                              const ConvLstmGradients<T>& gradients) {
  std::vector<ConvLstmBackward<T>> directions;
  for (const auto& w : weights) {
    directions.emplace_back(d, w, gradients.dx.needed());
  }
  parallel_for(d.blocks<T>(), 1, [&](Index number, Index) {
    for (Index direction = 0; direction < d.directions; ++direction) {
      detail::ConvLstmBackwardBlock<T> block({d, lengths, direction, number},
                                             directions[static_cast<std::size_t>(direction)], trace,
                                             gradients);
      block.run(c0, gradients.dx.accumulate || direction > 0);
    }
  });
}

CNNRNN_KERNELS_END
