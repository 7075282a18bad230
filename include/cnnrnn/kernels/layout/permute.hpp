#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"

CNNRNN_KERNELS_BEGIN

/// y = x in another order of the axes; the walk goes over y and holds the strides of x.
template <class T>
void permute_forward(const StridedWalk<1>& walk, const T* x, T* y) {
  const Index stride = walk.row_strides()[0];
  for_each_row(walk, [&](Index position, Index count, const auto& offsets) {
    const T* const from = x + offsets[0];
    if (stride == 1) {
      std::copy_n(from, count, y + position);
      return;
    }
    for (Index i = 0; i < count; ++i) {
      y[position + i] = from[i * stride];
    }
  });
}

/// dx = dy, back in the order of x
template <class T>
void permute_backward(const StridedWalk<1>& walk, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const Index stride = walk.row_strides()[0];
  for_each_row(walk, [&](Index position, Index count, const auto& offsets) {
    if (stride == 1) {
      dx.put_row(offsets[0], dy + position, count);
      return;
    }
    for (Index i = 0; i < count; ++i) {
      dx.put(offsets[0] + i * stride, dy[position + i]);
    }
  });
}

CNNRNN_KERNELS_END
