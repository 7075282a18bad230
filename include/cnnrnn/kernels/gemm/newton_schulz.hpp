#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

CNNRNN_KERNELS_BEGIN

/// The iteration X = (a + b G + c G^2) X with G = X X^T, which moves the singular values of X
/// towards 1.
struct NewtonSchulz {
  double a, b, c;
  Index steps;
  double epsilon;  ///< the least norm that X is divided by at first
};

namespace detail {

/// x = x / max(|x|, epsilon), with the Frobenius norm summed in double.
template <class T>
void divide_by_norm(Index count, T* x, double epsilon) {
  constexpr Index block = 1 << 14;
  const double squares = parallel_sum<double>(count, block, [&](Index begin, Index end) {
    double sum = 0;
    for (Index i = begin; i < end; ++i) {
      sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    return sum;
  });
  const auto scale = static_cast<T>(1 / std::max(std::sqrt(squares), epsilon));
  std::transform(x, x + count, x, [scale](T value) { return scale * value; });
}

/// What X is multiplied by (K, K): a + b gram + c square.
template <class T>
void newton_schulz_factor(const NewtonSchulz& by, Index k, const T* gram, T* square) {
  const auto b = static_cast<T>(by.b);
  const auto c = static_cast<T>(by.c);
  for (Index i = 0; i < k * k; ++i) {
    square[i] = b * gram[i] + c * square[i];
  }
  for (Index i = 0; i < k; ++i) {
    square[i * (k + 1)] += static_cast<T>(by.a);
  }
}

}  // namespace detail

/// Makes x (M, N) nearly orthogonal: of x = U S V^T it leaves about U V^T. Where there are more
/// rows than columns it multiplies from the right, by the same polynomial of X^T X.
template <class T>
void newton_schulz(const NewtonSchulz& by, Index m, Index n, T* x) {
  detail::divide_by_norm(m * n, x, by.epsilon);
  const bool wide = m <= n;
  const Index k = std::min(m, n);
  const Index length = std::max(m, n);
  Tensor<T> gram({k, k});
  Tensor<T> factor({k, k});
  Tensor<T> other({m, n});
  T* now = x;
  T* next = other.mutable_data();
  T* const g = gram.mutable_data();
  T* const f = factor.mutable_data();
  for (Index step = 0; step < by.steps; ++step) {
    const MatrixView<T> all{now, n, 1};
    const auto shorter = wide ? all : all.transposed();  // (K, length)
    gemm<T>(k, k, length, shorter, shorter.transposed(), {g, k});
    gemm<T>(k, k, k, {g, k, 1}, {g, k, 1}, {f, k});
    detail::newton_schulz_factor(by, k, g, f);
    if (wide) {
      gemm<T>(m, n, m, {f, k, 1}, all, {next, n});
    } else {
      gemm<T>(m, n, n, all, {f, k, 1}, {next, n});
    }
    std::swap(now, next);
  }
  if (now != x) {
    std::copy_n(now, m * n, x);
  }
}

CNNRNN_KERNELS_END
