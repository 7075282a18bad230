#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

/// x (A, K, B): softmax runs over K, for every a and b; B is 1 for the last axis.
struct SoftmaxDims {
  Index a, k, b;
};

/// A row's largest x, and the sum of e^(x - largest).
template <class T>
struct ExpSum {
  T largest, sum;
};

/// y = e^(x - largest) of K contiguous elements; no exponent overflows. y may be x.
template <class T>
ExpSum<T> exp_row(Index k, const T* x, T* y) {
  using P = Packet<T>;
  const T largest = *std::max_element(x, x + k);
  const P shift = P::set(largest);
  P sums = P::zero();
  Index i = 0;
  for (; i + P::width <= k; i += P::width) {
    const P e = exp(P::load(x + i) - shift);
    e.store(y + i);
    sums = sums + e;
  }
  if (i < k) {
    exp(P::load_partial(x + i, k - i) - shift).store_partial(y + i, k - i);
    sums = sums + P::load_partial(y + i, k - i);
  }
  return {largest, sum(sums)};
}

/// y = softmax x, or its logarithm, of K contiguous elements.
template <class T>
void softmax_row(Index k, bool logarithm, const T* x, T* y) {
  const auto [largest, sum] = exp_row(k, x, y);
  const T scale = T(1) / sum;
  const T log_sum = std::log(sum);
  for (Index i = 0; i < k; ++i) {
    y[i] = logarithm ? x[i] - largest - log_sum : y[i] * scale;
  }
}

/// A row of K elements at stride B, brought together in `row` if it is not contiguous.
template <class T>
const T* gather_row(const SoftmaxDims& d, const T* from, std::vector<T>& row) {
  if (d.b == 1) {
    return from;
  }
  for (Index i = 0; i < d.k; ++i) {
    row[static_cast<std::size_t>(i)] = from[i * d.b];
  }
  return row.data();
}

/// Calls body(offset, row, other row) for all rows on all threads: where the row starts, and space
/// for two contiguous rows.
template <class T, class Body>
void for_softmax_rows(const SoftmaxDims& d, const Body& body) {
  const Index block = std::max<Index>(1, (1 << 12) / std::max<Index>(1, d.k));
  parallel_for(d.k > 0 ? d.a * d.b : 0, block, [&](Index begin, Index end) {
    std::vector<T> row(static_cast<std::size_t>(d.k));
    std::vector<T> other_row(static_cast<std::size_t>(d.k));
    for (Index i = begin; i < end; ++i) {
      body(i / d.b * d.k * d.b + i % d.b, row, other_row);
    }
  });
}

/// y = e^x / sum of e^x, or the logarithm of it
template <class T>
void softmax_forward(const SoftmaxDims& d, bool logarithm, const T* x, T* y) {
  for_softmax_rows<T>(d, [&](Index offset, std::vector<T>& in, std::vector<T>& out) {
    softmax_row(d.k, logarithm, gather_row(d, x + offset, in), out.data());
    for (Index i = 0; i < d.k; ++i) {
      y[offset + i * d.b] = out[static_cast<std::size_t>(i)];
    }
  });
}

/// Softmax: dx = y (dy - sum dy y). Log-softmax: dx = dy - e^y sum dy.
template <class T>
void softmax_backward(const SoftmaxDims& d, bool logarithm, const T* y, const T* dy,
                      GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  for_softmax_rows<T>(d, [&](Index offset, std::vector<T>& first, std::vector<T>& second) {
    const T* const upstream = gather_row(d, dy + offset, first);
    const T* const output = gather_row(d, y + offset, second);
    T sum = T(0);
    for (Index i = 0; i < d.k; ++i) {
      sum += logarithm ? upstream[i] : upstream[i] * output[i];
    }
    for (Index i = 0; i < d.k; ++i) {
      dx.put(offset + i * d.b,
             logarithm ? upstream[i] - std::exp(output[i]) * sum : output[i] * (upstream[i] - sum));
    }
  });
}

CNNRNN_KERNELS_END
