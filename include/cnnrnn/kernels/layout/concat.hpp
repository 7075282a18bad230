#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"

//   one part x (O, P, I), the others beside it on the middle axis: y (O, L, I)

CNNRNN_KERNELS_BEGIN

struct ConcatDims {
  Index outer;
  Index part;   // P I, contiguous in x
  Index whole;  // L I, contiguous in y
  Index first;  // where the part begins in the whole
};

namespace detail {

/// Calls body(offset in x, offset in y) for every contiguous part.
template <class Body>
void for_each_part(const ConcatDims& d, const Body& body) {
  const Index block = std::max<Index>(1, (1 << 14) / std::max<Index>(1, d.part));
  parallel_for(d.outer, block, [&](Index begin, Index end) {
    for (Index o = begin; o < end; ++o) {
      body(o * d.part, o * d.whole + d.first);
    }
  });
}

}  // namespace detail

/// y = x inside the part; the rest of y is left alone
template <class T>
void concat_forward(const ConcatDims& d, const T* x, T* y) {
  detail::for_each_part(d, [&](Index from, Index to) { std::copy_n(x + from, d.part, y + to); });
}

/// dx = dy inside the part
template <class T>
void concat_backward(const ConcatDims& d, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  detail::for_each_part(d, [&](Index to, Index from) { dx.put_row(to, dy + from, d.part); });
}

CNNRNN_KERNELS_END
