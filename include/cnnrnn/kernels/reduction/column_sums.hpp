#pragma once

#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/wide_rows.hpp"

CNNRNN_KERNELS_BEGIN

/// sums (C) = sum over the rows of x (R, C): the gradient of a bias. Tiles of rows are summed on
/// their own and added in order.
template <class T>
void column_sums(Index rows, Index columns, const T* x, GradientSpan<T> sums) {
  if (!sums.needed()) {
    return;
  }
  using A = Accumulator<T>;
  const WideRows d(rows, columns);
  Tensor<A> tiles({d.tiles(), columns});
  A* const sums_of_tiles = tiles.mutable_data();
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
    const ThreadScratch<A> wide(d.width);
    sum_wide_rows<1>(d, begin, end, wide.data(), [x](const auto& lanes, Index offset, auto& sum) {
      sum[0] = sum[0] + lanes.load(x + offset);
    });
    fold_channels(d, wide.data(), sums_of_tiles + begin / d.tile * columns);
  });
  std::vector<A> totals(static_cast<std::size_t>(columns));
  const A* from = sums_of_tiles;
  for (Index tile = 0; tile < d.tiles(); ++tile) {
    for (A& total : totals) {
      total += *from++;
    }
  }
  for (Index column = 0; column < columns; ++column) {
    sums.put(column, totals[static_cast<std::size_t>(column)]);
  }
}

CNNRNN_KERNELS_END
