#pragma once

#include <algorithm>
#include <array>

#include "cnnrnn/kernels/gemm/pack.hpp"

// Feature maps of several sequences side by side, one in each lane of a vector: what is a number in
// a map is a packet here. Any number of channels then fills the vectors, in every direction of a
// convolution, and what lies outside of a small map is left out at no cost.
//
//   L   lanes, the width of a packet

CNNRNN_KERNELS_BEGIN

/// Where the pixels of a lane map (H, W, channels, L) lie when there are zeros around it.
struct LaneMap {
  Index h, w;
  Index border;         ///< lines of zeros above and to the left
  Index rows, columns;  ///< of all that lies in memory

  Index pixel(Index p, Index q) const { return (p + border) * columns + q + border; }
  Index pixels() const { return rows * columns; }

  /// Stores zeros around the map, whose pixels have `size` elements.
  template <class T>
  void clear_border(Index size, T* data) const {
    T* inside = data + pixel(0, 0) * size;
    std::fill(data, inside, T(0));
    for (Index p = 0; p < h; ++p, inside += columns * size) {
      const Index next = p + 1 < h ? columns : pixels() - pixel(p, 0);
      std::fill(inside + w * size, inside + next * size, T(0));
    }
  }

  /// Calls body(number, place) for every pixel of the map: its number without the border, and with.
  template <class Body>
  void for_each_pixel(const Body& body) const {
    for (Index p = 0; p < h; ++p) {
      for (Index q = 0; q < w; ++q) {
        body(p * w + q, pixel(p, q));
      }
    }
  }
};

/// lanes (channels, L) = the channels of `count` sequences that lie `stride` apart, zeros in the
/// lanes behind them.
template <class T>
void to_lanes(Index channels, Index count, const T* from, Index stride, T* lanes) {
  constexpr Index width = Packet<T>::width;
  detail::pack_transposed_strip(channels, count, from, stride, lanes, width);
}

/// The way back: stores the channels of `count` sequences, or adds to what is there.
template <class T>
void from_lanes(Index channels, Index count, const T* lanes, T* to, Index stride,
                bool accumulate = false) {
  using P = Packet<T>;
  std::array<P, static_cast<std::size_t>(P::width)> square;
  square.fill(P::zero());
  for (Index c = 0; c < channels; c += P::width) {
    const Index rows = std::min(P::width, channels - c);
    for (Index row = 0; row < rows; ++row) {
      square[static_cast<std::size_t>(row)] = P::load(lanes + (c + row) * P::width);
    }
    transpose<T>(square);
    for (Index lane = 0; lane < count; ++lane) {
      const P value = square[static_cast<std::size_t>(lane)];
      T* const target = to + lane * stride + c;
      if (rows == P::width) {
        (accumulate ? value + P::load(target) : value).store(target);
      } else {
        const P before = accumulate ? P::load_partial(target, rows) : P::zero();
        (value + before).store_partial(target, rows);
      }
    }
  }
}

CNNRNN_KERNELS_END
