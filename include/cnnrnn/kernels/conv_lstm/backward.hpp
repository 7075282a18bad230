#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/conv_lstm/block.hpp"
#include "cnnrnn/kernels/conv_lstm/weights.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

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
  const T* dy;  // (N, T, H, W, D U), null for none
  const T* dh;  // (D, N, H, W, U), of the last states; null for none
  const T* dc;  // the same
  T* dh0;       // (D, N, H, W, U)
  T* dc0;       // the same
  GradientSpan<T> dx;
};

/// What a range of sequences leaves for the gradients of the weights.
template <class T>
struct ConvLstmSums {
  SequenceRange range;
  T* dgates;      // (range, T, H, W, D 4U), of the convolutions' sums
  T* dpeepholes;  // (B, D, H W, U, 3), of each block of the whole batch
};

namespace detail {

/// Takes blocks of sequences back through their steps: of each block first one direction, then the
/// other, since both add to the same dx.
template <class T>
class ConvLstmBackwardSteps {
 public:
  ConvLstmBackwardSteps(const ConvLstmDims& d, const LaneConvolution<T>& convolution,
                        const ConvLstmTrace<const T>& trace, const ConvLstmGradients<T>& gradients,
                        const ConvLstmSums<T>& sums)
      : d_(d),
        map_(convolution.source()),
        trace_(trace),
        gradients_(gradients),
        sums_(sums),
        joins_(gradients.dx.needed() && d.directions > 1) {
    const Index state = d.state_size<T>();
    const Index source = convolution.source_size();
    const Index result = d.pixels() * channels();
    const Index joined = joins_ ? d.t * d.pixels() * d.c * lanes : 0;
    scratch_ = Tensor<T>(
        {source + result + 6 * state + d.u * lanes + joined + convolution.scratch_size()});
    source_ = scratch_.mutable_data();
    result_ = source_ + source;
    dh_ = result_ + result;
    dc_ = dh_ + state;
    c0_ = dc_ + state;
    dw_ = c0_ + state;
    dy_ = dw_ + 3 * state;
    joined_ = dy_ + d.u * lanes;
    convolution_scratch_ = joined_ + joined;
    map_.clear_border(4 * d.u * lanes, source_);
  }

  void run(const ConvLstmBlock<T>& block, const ConvLstmBackward<T>& weights, const T* c0) {
    block.load_state(gradients_.dh, dh_);
    block.load_state(gradients_.dc, dc_);
    block.load_state(c0, c0_);
    std::fill_n(dw_, 3 * d_.state_size<T>(), T(0));
    for (Index number = d_.t - 1; number >= 0; --number) {
      const Index time = block.time(number);
      differentiate(block, number, weights.peepholes.data());
      store_gates(block, time);
      fetch_next(block, number);
      weights.convolution.run(source_, nullptr, convolution_scratch_, result_);
      pass_state(block.active(time));
      if (gradients_.dx.needed()) {
        pass_input(block, time);
      }
    }
    block.store_state(dh_, gradients_.dh0);
    block.store_state(dc_, gradients_.dc0);
    store_peepholes(block);
  }

 private:
  static constexpr Index lanes = Packet<T>::width;
  using P = Packet<T>;

  /// Elements of a pixel of the convolution's result: the state's, then the input's.
  Index channels() const { return (gradients_.dx.needed() ? d_.u + d_.c : d_.u) * lanes; }

  /// While a step is computed, the memory that it writes and the next one reads comes near.
  void fetch_next(const ConvLstmBlock<T>& block, Index number) const {
    if (number > 0) {
      const auto there = trace_.at(d_, block.direction, block.number, block.time(number - 1));
      fetch_ahead(4 * d_.state_size<T>(), there.gates);
      fetch_ahead(d_.state_size<T>(), there.cells);
    }
    if (stores_input(block)) {
      const Index time = block.time(number);
      for (Index sequence = 0; sequence < block.count; ++sequence) {
        fetch_ahead<true>(d_.pixels() * d_.c, gradients_.dx.data() + block.place(time, 0, d_.c) +
                                                  sequence * block.stride(d_.c));
      }
    }
  }

  /// Whether this direction is the one that stores dx, for both.
  bool stores_input(const ConvLstmBlock<T>& block) const {
    return gradients_.dx.needed() && block.direction + 1 == d_.directions;
  }

  void differentiate(const ConvLstmBlock<T>& block, Index number, const T* peepholes) {
    const auto trace_at = [&](Index step) {
      return trace_.at(d_, block.direction, block.number, block.time(step));
    };
    const auto here = trace_at(number);
    const T* const before = number == 0 ? c0_ : trace_at(number - 1).cells;
    const Index units = d_.u;
    const ConvLstmBackwardCell<T> cell{units * lanes, d_.peepholes == ConvLstmPeepholes::previous};
    map_.for_each_pixel([&](Index pixel, Index place) {
      load_output_gradient(block, block.time(number), pixel);
      const Index first = pixel * units * lanes;
      cell.row(units, peepholes + pixel * units * 3, dy_, dh_ + first, here.gates + 4 * first,
               before + first, here.cells + first, source_ + place * 4 * units * lanes, dc_ + first,
               dw_ + 3 * first);
    });
  }

  /// dy of one pixel (U, L). What came for steps that a sequence does not have meets o = 0.
  void load_output_gradient(const ConvLstmBlock<T>& block, Index time, Index pixel) {
    if (gradients_.dy == nullptr) {
      std::fill_n(dy_, d_.u * lanes, T(0));
      return;
    }
    const Index width = d_.directions * d_.u;
    to_lanes(d_.u, block.count,
             gradients_.dy + block.direction * d_.u + block.place(time, pixel, width),
             block.stride(width), dy_);
  }

  void store_gates(const ConvLstmBlock<T>& block, Index time) const {
    const Index width = d_.directions * 4 * d_.u;
    T* const to = sums_.dgates + block.direction * 4 * d_.u;
    map_.for_each_pixel([&](Index pixel, Index place) {
      from_lanes(4 * d_.u, block.count, source_ + place * 4 * d_.u * lanes,
                 to + block.place(time, pixel, width) - sums_.range.first * block.stride(width),
                 block.stride(width));
    });
  }

  /// The gradient of the state before the step; a sequence without the step hands on what it has.
  void pass_state(const ActiveLanes<T>& active) {
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      const T* const through_step = result_ + pixel * channels();
      T* const dh = dh_ + pixel * d_.u * lanes;
      for (Index at = 0; at < d_.u * lanes; at += lanes) {
        active.select(P::load(through_step + at), P::load(dh + at)).store(dh + at);
      }
    }
  }

  /// dx of a step: with two directions the second stores the sum of both.
  void pass_input(const ConvLstmBlock<T>& block, Index time) {
    const Index size = d_.c * lanes;
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      T* const dx = result_ + pixel * channels() + d_.u * lanes;
      T* const joined = joined_ + (time * d_.pixels() + pixel) * size;
      if (!stores_input(block)) {
        std::copy_n(dx, size, joined);
        continue;
      }
      for (Index at = 0; joins_ && at < size; at += lanes) {
        (P::load(dx + at) + P::load(joined + at)).store(dx + at);
      }
      from_lanes(d_.c, block.count, dx, gradients_.dx.data() + block.place(time, pixel, d_.c),
                 block.stride(d_.c), gradients_.dx.accumulate);
    }
  }

  void store_peepholes(const ConvLstmBlock<T>& block) const {
    const Index count = d_.pixels() * d_.u * 3;
    T* const to = sums_.dpeepholes + (block.number * d_.directions + block.direction) * count;
    for (Index at = 0; at < count; ++at) {
      to[at] = sum(P::load(dw_ + at * lanes));
    }
  }

  ConvLstmDims d_;
  LaneMap map_;
  ConvLstmTrace<const T> trace_;
  ConvLstmGradients<T> gradients_;
  ConvLstmSums<T> sums_;
  bool joins_;
  Tensor<T> scratch_;
  T* source_;  // (source map, 4U, L): gradients of the gates
  T* result_;  // (H W, U + C, L): those of the state before the step and of the input
  T* dh_;      // (H W, U, L)
  T* dc_;      // (H W, U, L)
  T* c0_;      // (H W, U, L)
  T* dw_;      // (H W, U, 3, L)
  T* dy_;      // (U, L)
  T* joined_;  // (T, H W, C, L): dx of the first direction
  T* convolution_scratch_;
};

}  // namespace detail

/// The way back of a range of sequences: dx, dh0, dc0, and what the weights' gradients are made of.
/// c0 (D, N, H, W, U) may be null.
template <class T>
void conv_lstm_backward_steps(const ConvLstmDims& d,
                              std::span<const ConvLstmBackward<T>> directions, const T* lengths,
                              const T* c0, const ConvLstmTrace<const T>& trace,
                              const ConvLstmGradients<T>& gradients, const ConvLstmSums<T>& sums) {
  constexpr Index lanes = Packet<T>::width;
  const Index first = sums.range.first / lanes;
  const Index blocks = (sums.range.count + lanes - 1) / lanes;
  parallel_for(blocks, detail::conv_lstm_job_size(blocks), [&](Index begin, Index end) {
    detail::ConvLstmBackwardSteps<T> steps(d, directions.front().convolution, trace, gradients,
                                           sums);
    for (Index block = first + begin; block < first + end; ++block) {
      for (Index k = 0; k < d.directions; ++k) {
        steps.run({d, lengths, k, block}, directions[static_cast<std::size_t>(k)], c0);
      }
    }
  });
}

CNNRNN_KERNELS_END
