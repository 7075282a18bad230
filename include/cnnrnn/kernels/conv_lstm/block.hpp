#pragma once

#include <algorithm>
#include <type_traits>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv_lstm/cell.hpp"
#include "cnnrnn/kernels/conv_lstm/lane_convolution.hpp"
#include "cnnrnn/kernels/conv_lstm/peepholes.hpp"

// What both passes of a convolutional LSTM (Shi et al. 2015) share: a thread takes L sequences, one
// in each lane, through all steps. A step is one convolution of the state and the input together.
//
//   N sequences, T steps, H x W pixels, C channels, U filters, D directions (1 or 2)
//   L lanes, B blocks of L sequences; gates in the order i f g o

CNNRNN_KERNELS_BEGIN

struct ConvLstmDims {
  Index n, t, h, w, c, u, directions;
  Size2d kernel;
  ConvLstmPeepholes peepholes;
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;

  Index pixels() const { return h * w; }

  template <class T>
  Index blocks() const {
    return (n + Packet<T>::width - 1) / Packet<T>::width;
  }
  /// Elements of a state of a block.
  template <class T>
  Index state_size() const {
    return pixels() * u * Packet<T>::width;
  }

  /// A step forward, (H, W, U + C) to (H, W, 4U), and its way back, for the gradient of the states
  /// alone or of the input too.
  LaneConvolutionDims forward() const { return {h, w, kernel, u + c, 4 * u, algorithm}; }
  LaneConvolutionDims backward(bool input) const {
    return {h, w, kernel, 4 * u, input ? u + c : u, algorithm};
  }

  /// Sequences whose gates, states and inputs stay in the third cache together, in whole blocks.
  template <class T>
  Index range_sequences() const {
    constexpr Index cache = (8 << 20) / static_cast<Index>(sizeof(T));
    constexpr Index step = 8 * Packet<T>::width;
    const Index sequence = t * pixels() * (directions * 5 * u + c);
    return std::max<Index>(1, cache / (sequence * step)) * step;
  }

  /// The convolution of all steps of some sequences whose weight gradient is that of the layer: the
  /// states of all directions and the input in, the gates of all directions out.
  Conv2dDims steps(Index sequences) const {
    Conv2dDims d{sequences * t, h, w, directions * u + c, directions * 4 * u, kernel};
    d.padding = {kernel.h / 2, kernel.w / 2};
    d.algorithm = algorithm;
    return d;
  }
};

/// The weights of one direction: (4U, C, KH, KW), (4U, U, KH, KW), (4U), and three times (U, H, W).
/// The bias and the peepholes may be null.
template <class T>
struct ConvLstmWeights {
  const T* weight_ih;
  const T* weight_hh;
  const T* bias;
  const T* peephole_i;
  const T* peephole_f;
  const T* peephole_o;

  /// The weight of gate row o for channel k of state and input together.
  auto joined(const ConvLstmDims& d) const {
    return [*this, d](Index o, Index k, Index i, Index j) {
      const Index tap = i * d.kernel.w + j;
      return k < d.u ? weight_hh[(o * d.u + k) * d.kernel.area() + tap]
                     : weight_ih[(o * d.c + k - d.u) * d.kernel.area() + tap];
    };
  }
  /// The same turned by half a turn, with the roles exchanged.
  auto turned(const ConvLstmDims& d) const {
    return [weight = joined(d), d](Index k, Index o, Index i, Index j) {
      return weight(o, k, d.kernel.h - 1 - i, d.kernel.w - 1 - j);
    };
  }
};

/// The peepholes (H W, U, 3) in the order i f o, as the steps read them; zeros if there are none.
template <class T>
Tensor<T> pack_peepholes(const ConvLstmDims& d, const ConvLstmWeights<T>& w) {
  auto packed = Tensor<T>::zeros({d.pixels(), d.u, 3});
  T* to = packed.mutable_data();
  if (d.peepholes == ConvLstmPeepholes::none) {
    return packed;
  }
  for (Index pixel = 0; pixel < d.pixels(); ++pixel) {
    for (Index unit = 0; unit < d.u; ++unit) {
      for (const T* const from : {w.peephole_i, w.peephole_f, w.peephole_o}) {
        *to++ = from[unit * d.pixels() + pixel];
      }
    }
  }
  return packed;
}

/// Consecutive sequences of the batch: whole blocks, but for the last of them.
struct SequenceRange {
  Index first, count;
};

namespace detail {

/// How many blocks a job takes, one after the other in the same scratch memory.
inline Index conv_lstm_job_size(Index blocks) {
  constexpr Index jobs = 8;
  return std::max<Index>(1, (blocks + jobs - 1) / jobs);
}

}  // namespace detail

/// What forward leaves for backward, in lanes; no data if there will be none.
template <class T>
struct ConvLstmTrace {
  T* gates = nullptr;  // (D, B, T, H W, 4U, L)
  T* cells = nullptr;  // (D, B, T, H W, U, L), after each step

  /// Those of one step of a block.
  ConvLstmTrace at(const ConvLstmDims& d, Index direction, Index block, Index time) const {
    using Scalar = std::remove_const_t<T>;
    const Index step = (direction * d.blocks<Scalar>() + block) * d.t + time;
    const Index offset = step * d.state_size<Scalar>();
    return {gates + 4 * offset, cells + offset};
  }
};

/// L sequences of one direction, and where they lie in arrays of all sequences.
template <class T>
struct ConvLstmBlock {
  ConvLstmBlock(const ConvLstmDims& dims, const T* all_lengths, Index of_direction, Index block)
      : d(dims),
        direction(of_direction),
        number(block),
        first(block * lanes),
        count(std::min(lanes, dims.n - first)),
        lengths(Packet<T>::load_partial(all_lengths + first, count)) {}

  static constexpr Index lanes = Packet<T>::width;

  ConvLstmDims d;
  Index direction, number;
  Index first, count;  ///< sequences
  Packet<T> lengths;   ///< 0 in lanes without a sequence

  /// The time of a step: the reverse direction begins at the last.
  Index time(Index step) const { return direction == 1 ? d.t - 1 - step : step; }

  ActiveLanes<T> active(Index time) const {
    return {Packet<T>::set(static_cast<T>(time)), lengths};
  }

  /// A state (D, N, H W, U) to lanes (H W, U, L) and back; zeros for null.
  void load_state(const T* from, T* to) const {
    if (from == nullptr) {
      std::fill_n(to, d.state_size<T>(), T(0));
      return;
    }
    for (Index pixel = 0; pixel < d.pixels(); ++pixel) {
      to_lanes(d.u, count, from + state(pixel), d.pixels() * d.u, to + pixel * d.u * lanes);
    }
  }
  void store_state(const T* from, T* to) const {
    for (Index pixel = 0; pixel < d.pixels(); ++pixel) {
      from_lanes(d.u, count, from + pixel * d.u * lanes, to + state(pixel), d.pixels() * d.u);
    }
  }

  /// Where the first sequence's pixel is in an array (N, T, H W, channels), and how far the next
  /// sequence is.
  Index place(Index time, Index pixel, Index channels) const {
    return ((first * d.t + time) * d.pixels() + pixel) * channels;
  }
  Index stride(Index channels) const { return d.t * d.pixels() * channels; }

 private:
  Index state(Index pixel) const { return ((direction * d.n + first) * d.pixels() + pixel) * d.u; }
};

CNNRNN_KERNELS_END
