#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/kernels/conv_lstm/block.hpp"
#include "cnnrnn/kernels/conv_lstm/weights.hpp"

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

/// Takes blocks of sequences of one direction through their steps, one block after the other.
template <class T>
class ConvLstmForwardSteps {
 public:
  ConvLstmForwardSteps(const ConvLstmDims& d, const ConvLstmForward<T>& weights)
      : d_(d), weights_(weights), map_(weights.convolution.source()) {
    const Index state = d.state_size<T>();
    const Index source = weights.convolution.source_size();
    scratch_ = Tensor<T>({source + 6 * state + weights.convolution.scratch_size()});
    source_ = scratch_.mutable_data();
    cells_ = source_ + source;
    output_ = cells_ + state;
    gates_ = output_ + state;
    convolution_scratch_ = gates_ + 4 * state;
    map_.clear_border(channels(), source_);
  }

  void run(const ConvLstmBlock<T>& block, const T* x, const T* h0, const T* c0,
           const ConvLstmTrace<T>& trace, T* y, T* h, T* c) {
    load_states(block, h0, c0);
    const T* before = cells_;
    for (Index number = 0; number < d_.t; ++number) {
      const Index time = block.time(number);
      load_input(block, x, time);
      const ConvLstmTrace<T> here = trace.gates == nullptr
                                        ? ConvLstmTrace<T>{gates_, cells_}
                                        : trace.at(d_, block.direction, block.number, time);
      weights_.convolution.run(source_, weights_.bias, convolution_scratch_, here.gates);
      step(block, time, before, here);
      before = here.cells;
      store_output(block, y, time);
    }
    store_states(block, before, h, c);
  }

 private:
  static constexpr Index lanes = Packet<T>::width;

  /// Elements of a pixel of the source: the state, then the input.
  Index channels() const { return (d_.u + d_.c) * lanes; }

  void load_states(const ConvLstmBlock<T>& block, const T* h0, const T* c0) {
    block.load_state(h0, output_);
    block.load_state(c0, cells_);
    map_.for_each_pixel([&](Index pixel, Index place) {
      std::copy_n(output_ + pixel * d_.u * lanes, d_.u * lanes, source_ + place * channels());
    });
  }

  void store_states(const ConvLstmBlock<T>& block, const T* cells, T* h, T* c) {
    map_.for_each_pixel([&](Index pixel, Index place) {
      std::copy_n(source_ + place * channels(), d_.u * lanes, output_ + pixel * d_.u * lanes);
    });
    block.store_state(output_, h);
    block.store_state(cells, c);
  }

  void load_input(const ConvLstmBlock<T>& block, const T* x, Index time) {
    map_.for_each_pixel([&](Index pixel, Index place) {
      to_lanes(d_.c, block.count, x + block.place(time, pixel, d_.c), block.stride(d_.c),
               source_ + place * channels() + d_.u * lanes);
    });
  }

  void store_output(const ConvLstmBlock<T>& block, T* y, Index time) const {
    const Index width = d_.directions * d_.u;
    T* const to = y + block.direction * d_.u;
    for (Index pixel = 0; pixel < d_.pixels(); ++pixel) {
      from_lanes(d_.u, block.count, output_ + pixel * d_.u * lanes,
                 to + block.place(time, pixel, width), block.stride(width));
    }
  }

  void step(const ConvLstmBlock<T>& block, Index time, const T* before,
            const ConvLstmTrace<T>& here) {
    const Index units = d_.u;
    const ConvLstmForwardCell<T> cell{units * lanes, d_.peepholes == ConvLstmPeepholes::previous,
                                      block.active(time)};
    map_.for_each_pixel([&](Index pixel, Index place) {
      const Index first = pixel * units * lanes;
      cell.row(units, weights_.peepholes.data() + pixel * units * 3, here.gates + 4 * first,
               before + first, here.cells + first, output_ + first, source_ + place * channels());
    });
  }

  ConvLstmDims d_;
  const ConvLstmForward<T>& weights_;
  LaneMap map_;
  Tensor<T> scratch_;
  T* source_;  // (source map, U + C, L)
  T* cells_;   // (H W, U, L)
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
  const Index size = detail::conv_lstm_job_size(blocks);
  const Index jobs = (blocks + size - 1) / size;
  parallel_for(d.directions * jobs, 1, [&](Index job, Index) {
    const Index direction = job / jobs;
    const Index first = job % jobs * size;
    detail::ConvLstmForwardSteps<T> steps(d, directions[static_cast<std::size_t>(direction)]);
    for (Index block = first; block < std::min(blocks, first + size); ++block) {
      steps.run({d, lengths, direction, block}, x, h0, c0, trace, y, h, c);
    }
  });
}

CNNRNN_KERNELS_END
