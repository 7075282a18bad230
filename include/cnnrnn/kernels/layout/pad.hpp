#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"

CNNRNN_KERNELS_BEGIN

/// Where x lies in the padded y: the walk goes over x and holds the strides of y.
struct PadDims {
  StridedWalk<1> walk;
  Index first;  // of x's first element in y
};

/// y = x inside, `value` in the rest
template <class T>
void pad_forward(const PadDims& d, const T* x, T value, std::span<T> y) {
  constexpr Index block = 1 << 14;
  parallel_for(std::ssize(y), block, [&](Index begin, Index end) {
    std::fill(y.begin() + begin, y.begin() + end, value);
  });
  const Index step = d.walk.row_strides()[0];
  for_each_row(d.walk, [&](Index position, Index count, const auto& offsets) {
    T* const to = y.data() + d.first + offsets[0];
    for (Index i = 0; i < count; ++i) {
      to[i * step] = x[position + i];
    }
  });
}

/// dx = dy inside
template <class T>
void pad_backward(const PadDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const Index step = d.walk.row_strides()[0];
  for_each_row(d.walk, [&](Index position, Index count, const auto& offsets) {
    const T* const from = dy + d.first + offsets[0];
    if (step == 1) {
      dx.put_row(position, from, count);
      return;
    }
    for (Index i = 0; i < count; ++i) {
      dx.put(position + i, from[i * step]);
    }
  });
}

CNNRNN_KERNELS_END
