#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

//   x (N, M P, K P, C): M rows of K patches of P x P pixels with C channels

CNNRNN_KERNELS_BEGIN

struct PatchDims {
  Index n, m, k, p, c;
};

namespace detail {

/// Calls body(offset in x, offset in y) for every element, in the order of y (N M, K, C P P).
template <class Body>
void for_each_patch_element(const PatchDims& d, const Body& body) {
  const Index line = d.k * d.p * d.c;
  const Index row = line * d.p;
  parallel_for(d.n * d.m, 1, [&](Index r, Index) {
    Index to = r * row;
    for (Index k = 0; k < d.k; ++k) {
      const Index corner = r * row + k * d.p * d.c;
      for (Index c = 0; c < d.c; ++c) {
        for (Index i = 0; i < d.p; ++i) {
          for (Index j = 0; j < d.p; ++j) {
            body(corner + i * line + j * d.c + c, to++);
          }
        }
      }
    }
  });
}

}  // namespace detail

/// y (N M, K, C P P): the rows of patches as sequences, each patch a vector in the order c, i, j
template <class T>
void patch_sequences_forward(const PatchDims& d, const T* x, T* y) {
  detail::for_each_patch_element(d, [&](Index from, Index to) { y[to] = x[from]; });
}

/// dx = dy at the place it came from
template <class T>
void patch_sequences_backward(const PatchDims& d, const T* dy, GradientSpan<T> dx) {
  if (dx.needed()) {
    detail::for_each_patch_element(d, [&](Index to, Index from) { dx.put(to, dy[from]); });
  }
}

CNNRNN_KERNELS_END
