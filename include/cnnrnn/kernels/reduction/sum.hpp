#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"

CNNRNN_KERNELS_BEGIN

/// x (O, K, I) -> y (O, I): the sum runs over K.
struct SumDims {
  Index outer, axis, inner;
};

namespace detail {

/// The sum of `count` contiguous elements. Four running sums, so that no addition waits for the one
/// before.
template <class T>
Accumulator<T> sum_row(const T* x, Index count) {
  using P = Packet<Accumulator<T>>;
  constexpr Index step = 4 * P::width;
  std::array<P, 4> sums{P::zero(), P::zero(), P::zero(), P::zero()};
  const Index whole = count / step * step;
  for (Index i = 0; i < whole; i += step) {
    for (std::size_t part = 0; part < sums.size(); ++part) {
      sums[part] = sums[part] + P::load(x + i + static_cast<Index>(part) * P::width);
    }
  }
  for_each_lanes<T>(count - whole, [&](auto lanes) { sums[0] = sums[0] + lanes.load(x + whole); });
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// How x (O, K, I) is cut: blocks of `rows` along K and of `columns` along I.
struct SumTiles {
  Index rows, columns;
  Index row_blocks, column_blocks;

  explicit SumTiles(const SumDims& d)
      : rows(std::max<Index>(64, (1 << 10) / std::clamp<Index>(d.inner, 1, most_columns))),
        columns(std::min(d.inner, most_columns)),
        row_blocks(std::max<Index>(1, (d.axis + rows - 1) / rows)),
        column_blocks((d.inner + most_columns - 1) / most_columns) {}

  static constexpr Index most_columns = 1024;
};

/// Sums rows first ... last - 1 of x (K, I) in `count` columns.
template <class T>
void sum_tile(Index first, Index last, Index inner, const T* x, Index count, Accumulator<T>* sums) {
  if (inner == 1) {
    *sums = sum_row(x + first, last - first);
    return;
  }
  std::fill_n(sums, count, Accumulator<T>(0));
  for (Index k = first; k < last; ++k) {
    const T* const row = x + k * inner;
    for (Index i = 0; i < count; ++i) {
      sums[i] += row[i];
    }
  }
}

/// Calls put(position in (O, blocks of K, I), sum) with the sums of x (O, K, I) over each block of
/// K.
template <class T, class Put>
void sum_tiles(const SumDims& d, const SumTiles& tiles, const T* x, const Put& put) {
  const Index tile_size = std::max<Index>(1, std::min(tiles.rows, d.axis) * tiles.columns);
  const Index block = std::max<Index>(1, (1 << 14) / tile_size);
  const Index parts = d.outer * tiles.row_blocks;
  parallel_for(parts * tiles.column_blocks, block, [&](Index begin, Index end) {
    std::array<Accumulator<T>, SumTiles::most_columns> sums;
    for (Index tile = begin; tile < end; ++tile) {
      const Index column = tile % tiles.column_blocks * tiles.columns;
      const Index part = tile / tiles.column_blocks;
      const Index first = part % tiles.row_blocks * tiles.rows;
      const Index last = std::min(d.axis, first + tiles.rows);
      const Index count = std::min(tiles.columns, d.inner - column);
      sum_tile(first, last, d.inner, x + part / tiles.row_blocks * d.axis * d.inner + column, count,
               sums.data());
      for (Index i = 0; i < count; ++i) {
        put(part * d.inner + column + i, sums[static_cast<std::size_t>(i)]);
      }
    }
  });
}

}  // namespace detail

/// y = scale * sum of x over K. Blocks of K are summed on their own, then their sums in the same
/// way: the rounding error grows with the logarithm of K, the order depends on the shape alone. The
/// sums of bfloat16 are float, rounded once for y.
template <class X, class Y>
void sum_forward(const SumDims& d, Accumulator<Y> scale, const X* x, GradientSpan<Y> y) {
  using A = Accumulator<X>;
  const detail::SumTiles tiles(d);
  if (tiles.row_blocks == 1) {
    detail::sum_tiles(d, tiles, x, [&](Index position, A sum) { y.put(position, scale * sum); });
    return;
  }
  const SumDims rest{d.outer, tiles.row_blocks, d.inner};
  std::vector<A> partial(static_cast<std::size_t>(rest.outer * rest.axis * rest.inner));
  detail::sum_tiles(d, tiles, x, [&](Index position, A sum) {
    partial[static_cast<std::size_t>(position)] = sum;
  });
  sum_forward(rest, scale, partial.data(), y);
}

/// The same for several axes, one step after the other; does nothing if y is not needed.
template <class X, class Y>
void sum_forward(std::span<const SumDims> steps, Accumulator<Y> scale, const X* x,
                 GradientSpan<Y> y) {
  if (!y.needed() || steps.empty()) {
    return;
  }
  const SumDims& first = steps.front();
  if (steps.size() == 1) {
    sum_forward(first, scale, x, y);
    return;
  }
  using A = Accumulator<X>;
  std::vector<A> sums(static_cast<std::size_t>(first.outer * first.inner));
  sum_forward(first, A(1), x, GradientSpan<A>{sums});
  sum_forward(steps.subspan(1), scale, sums.data(), y);
}

/// dx = scale * dy, repeated along the summed axes; the walk goes over x and holds the strides of
/// dy.
template <class T>
void sum_backward(const StridedWalk<1>& walk, Accumulator<T> scale, const T* dy,
                  GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  using P = Packet<Accumulator<T>>;
  const bool repeats = walk.row_strides()[0] == 0;
  for_each_row(walk, [&](Index position, Index count, const auto& offsets) {
    const T* const from = dy + offsets[0];
    const P same = P::set(scale * from[0]);
    for_each_lanes<T>(count, [=, to = dx.data() + position](const auto& lanes) {
      const P value = repeats ? same : P::set(scale) * lanes.load(from);
      lanes.store(to, dx.accumulate ? lanes.load(to) + value : value);
    });
  });
}

CNNRNN_KERNELS_END
