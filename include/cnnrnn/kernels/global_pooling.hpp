#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

CNNRNN_KERNELS_BEGIN

/// x (N, P, C): N images of P pixels -> y (N, C)
struct GlobalPoolDims {
  Index n, p, c;
};

/// y = the mean over the pixels of an image
template <class T>
void global_avg_pool_forward(const GlobalPoolDims& d, const T* x, T* y) {
  parallel_for(d.n, 1, [&](Index image, Index /*end*/) {
    T* const to = y + image * d.c;
    std::fill_n(to, d.c, T(0));
    for (Index pixel = 0; pixel < d.p; ++pixel) {
      const T* const from = x + (image * d.p + pixel) * d.c;
      for (Index c = 0; c < d.c; ++c) {
        to[c] += from[c];
      }
    }
    for (Index c = 0; c < d.c; ++c) {
      to[c] /= static_cast<T>(d.p);
    }
  });
}

/// dx = dy / P
template <class T>
void global_avg_pool_backward(const GlobalPoolDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  parallel_for(d.n * d.p, 256, [&](Index begin, Index end) {
    for (Index pixel = begin; pixel < end; ++pixel) {
      const T* const from = dy + pixel / d.p * d.c;
      T* const to = dx.data() + pixel * d.c;
      for (Index c = 0; c < d.c; ++c) {
        to[c] = from[c] / static_cast<T>(d.p) + (dx.accumulate ? to[c] : T(0));
      }
    }
  });
}

CNNRNN_KERNELS_END
