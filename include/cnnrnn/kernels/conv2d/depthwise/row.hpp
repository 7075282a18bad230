#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "cnnrnn/kernels/conv2d/depthwise/taps.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// The inner loop of depthwise convolutions: some pixels of a row, packet after packet of channels.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A row of the result: where its pixels lie, and what their sums start from.
template <class T>
struct DepthwiseRow {
  SourceRow<T> source;
  const T* weight;
  T* to;
  Index to_step;
  Index channels;
  const T* bias;    ///< (channels) or null
  bool accumulate;  ///< add to what is there

  /// `count` channels of a row that reads `read` and lies `offset` elements further on.
  DepthwiseRow part(Index read, Index offset, Index first, Index count) const {
    DepthwiseRow row = *this;
    row.source = source.from(read + first);
    row.weight += first;
    row.to += offset + first;
    row.channels = count;
    row.bias = bias != nullptr ? bias + first : nullptr;
    return row;
  }
};

/// sum (Pixels) += the products of a run of `Length` taps with a packet of channels: what a pixel
/// reads is loaded once for all taps. At an `Edge`, some of that lies outside of the source.
template <Index Length, Index Pixels, bool Edge, class T, class Lanes>
[[gnu::always_inline]] inline void add_run(const DepthwiseRow<T>& row, const TapRun& run, Index t,
                                           const Lanes& lanes, Packet<T>* sum) {
  using P = Packet<T>;
  P weight[static_cast<std::size_t>(Length)];
  unroll<Length>(
      [&](auto j) { weight[j] = lanes.load(row.weight + run.weight + j * run.weight_step); });
  const Index step = row.source.step;
  const T* from = computed_here(row.source.at(run, t));
  Index column = row.source.column(run, t);
  unroll<Pixels + Length - 1>([&](auto i) {
    if constexpr (i > 0 && i % 4 == 0) {
      from = computed_here(from + 4 * step);
    }
    const bool outside = Edge && !row.source.has(column);
    column += row.source.column_step;
    const P x = outside ? P::zero() : in_register(lanes.load(from + i % 4 * step));
    unroll<Length>([&](auto j) {
      if constexpr (i >= j && i - j < Pixels) {
        sum[i - j] = multiply_add(x, weight[j], sum[i - j]);
      }
    });
  });
}

/// `Vectors` packets of channels of `Pixels` pixels from pixel t on: sum over the taps of source
/// times weight. The runs are sorted by length, and none is longer than `Longest`.
template <Index Pixels, Index Vectors, Index Longest, bool Edge, class T, class Lanes>
[[gnu::always_inline]] inline void depthwise_tile(const DepthwiseRow<T>& row,
                                                  std::span<const TapRun> runs, Index t,
                                                  const Lanes& first) {
  using P = Packet<T>;
  const auto lanes = [first](Index vector) {
    Lanes moved = first;
    moved.at += vector * P::width;
    return moved;
  };
  P sum[static_cast<std::size_t>(Vectors)][static_cast<std::size_t>(Pixels)];
  T* const to = row.to + t * row.to_step;
  unroll<Vectors>([&](auto v) {
    const P start = row.bias != nullptr ? lanes(v).load(row.bias) : P::zero();
    unroll<Pixels>(
        [&](auto q) { sum[v][q] = row.accumulate ? lanes(v).load(to + q * row.to_step) : start; });
  });
  const TapRun* run = runs.data();
  const TapRun* const end = run + runs.size();
  unroll<Longest>([&](auto one_less) {
    constexpr Index length = one_less + 1;
    for (; run != end && run->length == length; ++run) {
      unroll<Vectors>(
          [&](auto v) { add_run<length, Pixels, Edge>(row, *run, t, lanes(v), sum[v]); });
    }
  });
  unroll<Vectors>([&](auto v) {
    unroll<Pixels>([&](auto q) { lanes(v).store(to + q * row.to_step, sum[v][q]); });
  });
}

/// The pixels of the largest tile.
inline constexpr Index most_pixels = 8;

/// All channels of `Pixels` pixels from pixel t on: with few pixels more packets at a time, so that
/// there are about eight sums, which hide the latency of a multiply-add.
template <Index Pixels, Index Longest, bool Edge, class T>
[[gnu::flatten, gnu::noinline]] void depthwise_pixels(const DepthwiseRow<T>& row,
                                                      std::span<const TapRun> runs, Index t) {
  constexpr Index width = Packet<T>::width;
  constexpr Index vectors = most_pixels / Pixels;
  Index at = 0;
  for (; at + vectors * width <= row.channels; at += vectors * width) {
    depthwise_tile<Pixels, vectors, Longest, Edge>(row, runs, t, WholeLanes<T>{at});
  }
  if constexpr (vectors > 1) {
    for (; at + width <= row.channels; at += width) {
      depthwise_tile<Pixels, 1, Longest, Edge>(row, runs, t, WholeLanes<T>{at});
    }
  }
  if (at < row.channels) {
    depthwise_tile<Pixels, 1, Longest, Edge>(row, runs, t, PartLanes<T>{at, row.channels - at});
  }
}

/// depthwise_pixels of 1, 2, ... most_pixels pixels.
template <Index Longest, bool Edge, class T>
inline constexpr auto depthwise_tiles = []<Index... P>(std::integer_sequence<Index, P...>) {
  return std::array{&depthwise_pixels<P + 1, Longest, Edge, T>...};
}
(std::make_integer_sequence<Index, most_pixels>{});

/// The same with the number of pixels known at run time.
template <class T>
void depthwise_pixels(const DepthwiseRow<T>& row, std::span<const TapRun> runs, Index t,
                      Index pixels, bool edge) {
  const auto size = static_cast<std::size_t>(pixels - 1);
  const bool usual = runs.empty() || runs.back().length <= TapRun::usual;
  const auto make = edge    ? usual ? depthwise_tiles<TapRun::usual, true, T>[size]
                                    : depthwise_tiles<TapRun::most, true, T>[size]
                       : usual ? depthwise_tiles<TapRun::usual, false, T>[size]
                            : depthwise_tiles<TapRun::most, false, T>[size];
  make(row, runs, t);
}

}  // namespace detail

CNNRNN_KERNELS_END
