#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/reduction/sum.hpp"

CNNRNN_KERNELS_BEGIN

enum class Extreme { largest, smallest };

namespace detail {

/// Calls body(outer) for blocks of the outer axis of x (O, K, I) on all threads.
template <class Body>
void for_each_outer(const SumDims& d, const Body& body) {
  const Index block = std::max<Index>(1, (1 << 14) / std::max<Index>(1, d.axis * d.inner));
  parallel_for(d.outer, block, [&](Index begin, Index end) {
    for (Index outer = begin; outer < end; ++outer) {
      body(outer);
    }
  });
}

/// The further out of two; a NaN stays, whichever it is.
template <Extreme which, class T>
Packet<T> further(Packet<T> best, Packet<T> value) {
  const auto number = which == Extreme::largest ? max(best, value) : min(best, value);
  return select_equal(best, best, select_equal(value, value, number, value), best);
}

/// y (I) = the extremes of the columns of x (K, I), some of them side by side.
template <Extreme which, class T, class Lanes>
void column_extremes(const SumDims& d, const Lanes& lanes, const T* x, T* y) {
  auto best = lanes.load(x);
  for (Index k = 1; k < d.axis; ++k) {
    best = further<which>(best, lanes.load(x + k * d.inner));
  }
  lanes.store(y, best);
}

/// The extreme of `count` contiguous elements.
template <Extreme which, class T>
T row_extreme(Index count, const T* x) {
  using A = Accumulator<T>;
  using P = Packet<A>;
  std::array<A, static_cast<std::size_t>(P::width)> ends{};
  auto best = P::set(x[0]);
  Index at = 0;
  for (; at + P::width <= count; at += P::width) {
    best = further<which>(best, P::load(x + at));
  }
  for (; at < count; ++at) {
    best = further<which>(best, P::set(x[at]));
  }
  best.store(ends.data());
  for (const A end : ends) {
    best = further<which>(best, P::set(end));
  }
  best.store(ends.data());
  return static_cast<T>(ends[0]);
}

}  // namespace detail

/// y (O, I) = the largest or smallest of x (O, K, I) along K; a NaN is further out than all.
template <Extreme which, class T>
void extremes_forward(const SumDims& d, const T* x, T* y) {
  detail::for_each_outer(d, [&](Index outer) {
    const T* const from = x + outer * d.axis * d.inner;
    T* const to = y + outer * d.inner;
    if (d.inner == 1) {
      *to = detail::row_extreme<which>(d.axis, from);
      return;
    }
    for_each_lanes<T>(
        d.inner, [=](const auto& lanes) { detail::column_extremes<which, T>(d, lanes, from, to); });
  });
}

/// dx = dy where x is the extreme y, in equal parts where several are: PyTorch's amax.
template <class T>
void extremes_backward(const SumDims& d, const T* x, const T* y, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  using A = Accumulator<T>;
  detail::for_each_outer(d, [&](Index outer) {
    for (Index i = 0; i < d.inner; ++i) {
      const Index first = outer * d.axis * d.inner + i;
      const T extreme = y[outer * d.inner + i];
      Index equal = 0;
      for (Index k = 0; k < d.axis; ++k) {
        equal += x[first + k * d.inner] == extreme ? 1 : 0;
      }
      const A share = dy[outer * d.inner + i] / static_cast<A>(std::max<Index>(1, equal));
      for (Index k = 0; k < d.axis; ++k) {
        const Index at = first + k * d.inner;
        dx.put(at, x[at] == extreme ? share : A(0));
      }
    }
  });
}

CNNRNN_KERNELS_END
