#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

//   x (O, A, I) -> y (O, A, I), the middle axis backwards

CNNRNN_KERNELS_BEGIN

struct FlipDims {
  Index outer, axis, inner;
};

namespace detail {

/// Calls body(offset of an entry, offset of the one that stands in its place) for all entries.
template <class Body>
void for_each_flipped(const FlipDims& d, const Body& body) {
  const Index block = std::max<Index>(1, (1 << 14) / std::max<Index>(1, d.inner));
  parallel_for(d.outer * d.axis, block, [&](Index begin, Index end) {
    for (Index entry = begin; entry < end; ++entry) {
      const Index first = entry - entry % d.axis;
      body(entry * d.inner, (first + d.axis - 1 - entry % d.axis) * d.inner);
    }
  });
}

}  // namespace detail

/// y[o, a, i] = x[o, A - 1 - a, i]
template <class T>
void flip_forward(const FlipDims& d, const T* x, T* y) {
  detail::for_each_flipped(d,
                           [&](Index to, Index from) { std::copy_n(x + from, d.inner, y + to); });
}

/// dx[o, a, i] = dy[o, A - 1 - a, i]
template <class T>
void flip_backward(const FlipDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  detail::for_each_flipped(d, [&](Index to, Index from) { dx.put_row(to, dy + from, d.inner); });
}

CNNRNN_KERNELS_END
