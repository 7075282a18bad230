#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"

//   x (O, A, I) -> y (O, L, I), the entries first ... first + L - 1 of the middle axis

CNNRNN_KERNELS_BEGIN

struct SliceDims {
  Index outer, axis, inner;
  Index first, length;
};

template <class T>
void slice_forward(const SliceDims& d, const T* x, T* y) {
  const Index part = d.length * d.inner;
  for (Index o = 0; o < d.outer; ++o) {
    std::copy_n(x + (o * d.axis + d.first) * d.inner, part, y + o * part);
  }
}

/// dx = dy inside the slice, 0 outside
template <class T>
void slice_backward(const SliceDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  if (!dx.accumulate) {
    std::fill(dx.values.begin(), dx.values.end(), T(0));
  }
  const Index part = d.length * d.inner;
  for (Index o = 0; o < d.outer; ++o) {
    dx.put_row((o * d.axis + d.first) * d.inner, dy + o * part, part);
  }
}

CNNRNN_KERNELS_END
