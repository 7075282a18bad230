#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <vector>

#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// How the rows of x (R, C) are read when each channel is treated alike. Some rows together make a
/// wide row of at least 128 elements that is full of whole vectors; what belongs to a channel is
/// repeated along a wide row. Tiles of wide rows fit in the caches and belong to one thread.
struct WideRows {
  WideRows(Index rows_of_x, Index channels_of_x) : rows(rows_of_x), channels(channels_of_x) {
    constexpr Index vector = 16;  // of any instruction set, so that results are cut alike
    constexpr Index enough = 128;
    if (channels > 0 && channels < enough) {
      const Index whole = vector / std::gcd(channels, vector);
      fold = (enough + whole * channels - 1) / (whole * channels) * whole;
    }
    width = fold * channels;
    tile = std::max<Index>(16, (1 << 13) / std::max<Index>(1, width));
  }

  Index rows, channels;
  Index fold = 1;  ///< rows in a wide row
  Index width;     ///< elements of a wide row
  Index tile;      ///< wide rows in a tile

  Index count() const { return (rows + fold - 1) / fold; }
  Index tiles() const { return (count() + tile - 1) / tile; }

  /// Elements of wide row `row`: the last one may be cut short.
  Index row_width(Index row) const { return std::min(width, rows * channels - row * width); }
};

/// wide = values (C), repeated along a wide row
template <class T, class Wide>
void repeat_channels(const WideRows& d, const T* values, Wide* wide) {
  for (Index i = 0; i < d.fold; ++i, wide += d.channels) {
    std::copy_n(values, d.channels, wide);
  }
}

/// The same in memory of its own.
template <class T>
std::vector<T> repeat_channels(const WideRows& d, const T* values) {
  std::vector<T> wide(static_cast<std::size_t>(d.width));
  repeat_channels(d, values, wide.data());
  return wide;
}

/// sums (C) = the sums of what a wide row holds for each channel
template <class T>
void fold_channels(const WideRows& d, const T* wide, T* sums) {
  std::copy_n(wide, d.channels, sums);
  for (Index i = 1; i < d.fold; ++i) {
    const T* const from = wide + i * d.channels;
    for (Index c = 0; c < d.channels; ++c) {
      sums[c] += from[c];
    }
  }
}

/// Calls body(lanes, offset) for all vectors of the wide rows begin ... end: the lanes are within a
/// wide row, which starts at x + offset. Bodies capture by value, for the reason that is in
/// for_each_lanes.
template <class T, class Body>
void for_wide_rows(const WideRows& d, Index begin, Index end, const Body& body) {
  for (Index row = begin; row < end; ++row) {
    const Index offset = row * d.width;
    for_each_lanes<T>(d.row_width(row), [=](const auto& lanes) { body(lanes, offset); });
  }
}

namespace detail {

/// Vectors of a wide row that are summed side by side, so that additions need not wait.
inline constexpr Index side_by_side = vector_registers / 4;

template <std::size_t Vectors, class T, std::size_t Sums, class Lanes, class Add>
void sum_lanes(const WideRows& d, Index begin, Index end, const Lanes& first, T* sums,
               const Add& add) {
  std::array<std::array<Packet<T>, Sums>, Vectors> in_registers;
  const auto lanes = [first](Index vector) {
    Lanes moved = first;
    moved.at += vector * Packet<T>::width;
    return moved;
  };
  unroll<Index{Vectors}>([&](auto v) {
    unroll<Index{Sums}>([&](auto s) { in_registers[v][s] = lanes(v).load(sums + s * d.width); });
  });
  for (Index row = begin; row < end; ++row) {
    unroll<Index{Vectors}>([&](auto v) { add(lanes(v), row * d.width, in_registers[v]); });
  }
  unroll<Index{Vectors}>([&](auto v) {
    unroll<Index{Sums}>([&](auto s) { lanes(v).store(sums + s * d.width, in_registers[v][s]); });
  });
}

template <class T, std::size_t Sums, class Add>
void sum_equal_rows(const WideRows& d, Index begin, Index end, Index count, T* sums,
                    const Add& add) {
  constexpr Index group = side_by_side * Packet<T>::width;
  Index at = 0;
  for (; at + group <= count; at += group) {
    sum_lanes<side_by_side, T, Sums>(d, begin, end, WholeLanes<T>{at}, sums, add);
  }
  for (; at + Packet<T>::width <= count; at += Packet<T>::width) {
    sum_lanes<1, T, Sums>(d, begin, end, WholeLanes<T>{at}, sums, add);
  }
  if (at < count) {
    sum_lanes<1, T, Sums>(d, begin, end, PartLanes<T>{at, count - at}, sums, add);
  }
}

}  // namespace detail

/// sums (Sums, wide row) = the sums over the wide rows begin ... end: add(lanes, offset, sums) adds
/// what the lanes of the wide row at x + offset give to the packets of the sums.
template <std::size_t Sums, class T, class Add>
void sum_wide_rows(const WideRows& d, Index begin, Index end, T* sums, const Add& add) {
  std::fill_n(sums, Index{Sums} * d.width, T(0));
  const bool cut = begin < end && d.row_width(end - 1) < d.width;
  detail::sum_equal_rows<T, Sums>(d, begin, end - (cut ? 1 : 0), d.width, sums, add);
  if (cut) {
    detail::sum_equal_rows<T, Sums>(d, end - 1, end, d.row_width(end - 1), sums, add);
  }
}

/// The same for additions that take long themselves: they need not wait for the sums, which stay in
/// memory. Their code is there for one vector, not for as many as fit in the registers.
template <std::size_t Sums, class T, class Add>
void sum_wide_rows_slowly(const WideRows& d, Index begin, Index end, T* sums, const Add& add) {
  std::fill_n(sums, Index{Sums} * d.width, T(0));
  for_wide_rows<T>(d, begin, end, [=, width = d.width](const auto& lanes, Index offset) {
    std::array<Packet<T>, Sums> sum;
    unroll<Index{Sums}>([&](auto s) { sum[s] = lanes.load(sums + s * width); });
    add(lanes, offset, sum);
    unroll<Index{Sums}>([&](auto s) { lanes.store(sums + s * width, sum[s]); });
  });
}

CNNRNN_KERNELS_END
