#pragma once

#include <algorithm>
#include <type_traits>

#include "cnnrnn/kernels/conv_lstm/cell.hpp"
#include "cnnrnn/kernels/conv_lstm/dims.hpp"

CNNRNN_KERNELS_BEGIN

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
