#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/kernels/conv_lstm.hpp"

//   i = sigmoid(conv(x, h) + w_i c), f = sigmoid(... + w_f c), g = tanh(...), c' = f c + i g,
//   o = sigmoid(... + w_o c'), or w_o c, h' = o tanh(c')

CNNRNN_KERNELS_BEGIN

/// One direction with its weights packed.
template <class T>
struct ConvLstmForward {
  ConvLstmForward(const ConvLstmDims& d, const ConvLstmWeights<T>& w)
      : convolution(d.forward(), w.joined(d)), bias(w.bias), peepholes(pack_peepholes(d, w)) {}

  LaneConvolution<T> convolution;
  const T* bias;
  Tensor<T> peepholes;
};

namespace detail {

/// A block of sequences on its way through the steps. A sequence that has no such step keeps its
/// states and puts out zeros: its gates are i = g = o = 0, f = 1, which is what backward then
/// finds.
template <class T>
class ConvLstmForwardBlock {
 public:
  ConvLstmForwardBlock(const ConvLstmBlock<T>& block, const ConvLstmForward<T>& weights)
      : block_(block), d_(block.d), weights_(weights), map_(weights.convolution.source()) {
    const Index state = d_.state_size<T>();
    const Index source = weights.convolution.source_size();
    scratch_ = Tensor<T>({source + 6 * state + weights.convolution.scratch_size()});
    source_ = scratch_.mutable_data();
    cell_ = source_ + source;
    output_ = cell_ + state;
    gates_ = output_ + state;
    convolution_scratch_ = gates_ + 4 * state;
    std::fill_n(source_, source, T(0));
  }

  void run(const T* x, const T* h0, const T* c0, const ConvLstmTrace<T>& trace, T* y) {
    block_.load_state(h0, output_);
    block_.load_state(c0, cell_);
    map_.for_each_pixel([&](Index pixel, Index place) {
      std::copy_n(output_ + pixel * d_.u * lanes, d_.u * lanes, source_ + place * channels());
    });
    for (Index number = 0; number < d_.t; ++number) {
      const Index time = block_.step(number).time;
      load_input(x, time);
      const bool traced = trace.gates != nullptr;
      T* const gates = traced ? trace.gates_at(d_, block_.direction, block_.block, time) : gates_;
      weights_.convolution.run(source_, weights_.bias, convolution_scratch_, gates);
      step(time, gates);
      store_output(y, time);
      if (traced) {
        std::copy_n(cell_, d_.state_size<T>(),
                    trace.cells_at(d_, block_.direction, block_.block, time));
      }
    }
  }

  void store_states(T* h, T* c) {
    map_.for_each_pixel([&](Index pixel, Index place) {
      std::copy_n(source_ + place * channels(), d_.u * lanes, output_ + pixel * d_.u * lanes);
    });
    block_.store_state(output_, h);
    block_.store_state(cell_, c);
  }

 private:
  static constexpr Index lanes = Packet<T>::width;

  /// Elements of a pixel of the source: the state, then the input.
  Index channels() const { return (d_.u + d_.c) * lanes; }

  void load_input(const T* x, Index time) {
    map_.for_each_pixel([&](Index pixel, Index place) {
      to_lanes(d_.c, block_.count, x + block_.place(time, pixel, d_.c), block_.stride(d_.c),
               source_ + place * channels() + d_.u * lanes);
    });
  }

  void store_output(T* y, Index time) const {
    const Index width = d_.directions * d_.u;
    T* const to = y + block_.direction * d_.u;
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      from_lanes(d_.u, block_.count, output_ + pixel * d_.u * lanes,
                 to + block_.place(time, pixel, width), block_.stride(width));
    }
  }

  void step(Index time, T* gates) {
    map_.for_each_pixel([&](Index pixel, Index place) {
      const T* const peepholes = weights_.peepholes.data() + pixel * d_.u * 3;
      T* const gate = gates + pixel * 4 * d_.u * lanes;
      const Index state = pixel * d_.u * lanes;
      for (Index unit = 0; unit < d_.u; ++unit) {
        const Index at = unit * lanes;
        step_unit(time, peepholes + unit * 3, gate + at, cell_ + state + at, output_ + state + at,
                  source_ + place * channels() + at);
      }
    });
  }

  void step_unit(Index time, const T* peepholes, T* gate, T* cell, T* output, T* state) const {
    using P = Packet<T>;
    const Index next = d_.u * lanes;
    const auto now = P::set(static_cast<T>(time));
    const auto zero = P::zero();
    const auto c = P::load(cell);
    const auto seen = [&](Index k, Index gate_number, P from) {
      return multiply_add(P::set(peepholes[k]), from, P::load(gate + gate_number * next));
    };
    const auto i = block_.if_active(now, sigmoid(seen(0, 0, c)), zero);
    const auto f = block_.if_active(now, sigmoid(seen(1, 1, c)), P::set(T(1)));
    const auto g = block_.if_active(now, tanh(P::load(gate + 2 * next)), zero);
    const auto after = multiply_add(f, c, i * g);
    const auto by_output = d_.peepholes == Peepholes::previous ? c : after;
    const auto o = block_.if_active(now, sigmoid(seen(2, 3, by_output)), zero);
    const auto h = o * tanh(after);
    i.store(gate);
    f.store(gate + next);
    g.store(gate + 2 * next);
    o.store(gate + 3 * next);
    after.store(cell);
    h.store(output);
    block_.if_active(now, h, P::load(state)).store(state);
  }

  ConvLstmBlock<T> block_;
  ConvLstmDims d_;
  const ConvLstmForward<T>& weights_;
  LaneMap map_;
  Tensor<T> scratch_;
  T* source_;  // (source map, U + C, L)
  T* cell_;    // (H W, U, L)
  T* output_;  // (H W, U, L)
  T* gates_;   // (H W, 4U, L)
  T* convolution_scratch_;
};

}  // namespace detail

/// x (N, T, H, W, C), lengths (N), h0 and c0 (D, N, H, W, U) or null for zeros -> y (N, T, H, W,
/// D U), the last states h and c (D, N, H, W, U), and the trace unless it has no data.
template <class T>
void conv_lstm_forward(const ConvLstmDims& d, std::span<const ConvLstmWeights<T>> weights,
                       const T* x, const T* lengths, const T* h0, const T* c0,
                       const ConvLstmTrace<T>& trace, T* y, T* h, T* c) {
  std::vector<ConvLstmForward<T>> directions;
  for (const auto& w : weights) {
    directions.emplace_back(d, w);
  }
  const Index blocks = d.blocks<T>();
  parallel_for(d.directions * blocks, 1, [&](Index job, Index) {
    const Index direction = job / blocks;
    detail::ConvLstmForwardBlock<T> block({d, lengths, direction, job % blocks},
                                          directions[static_cast<std::size_t>(direction)]);
    block.run(x, h0, c0, trace, y);
    block.store_states(h, c);
  });
}

CNNRNN_KERNELS_END
