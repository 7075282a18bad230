#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

CNNRNN_KERNELS_BEGIN

/// sums (C) = sum over the rows of x (R, C): the gradient of a bias. Blocks of rows are summed on
/// their own and added in order.
template <class T>
void column_sums(Index rows, Index columns, const T* x, GradientSpan<T> sums) {
  if (!sums.needed()) {
    return;
  }
  constexpr Index elements = 1 << 15;
  const Index block = std::max<Index>(1, elements / std::max<Index>(1, columns));
  const Index blocks = (rows + block - 1) / block;
  std::vector<T> partial(static_cast<std::size_t>(blocks * columns));
  parallel_for(rows, block, [&](Index begin, Index end) {
    T* const to = partial.data() + begin / block * columns;
    for (Index row = begin; row < end; ++row) {
      for (Index column = 0; column < columns; ++column) {
        to[column] += x[row * columns + column];
      }
    }
  });
  for (Index column = 0; column < columns; ++column) {
    T sum = T(0);
    for (Index b = 0; b < blocks; ++b) {
      sum += partial[static_cast<std::size_t>(b * columns + column)];
    }
    sums.put(column, sum);
  }
}

CNNRNN_KERNELS_END
