#pragma once

#include <cmath>
#include <span>

#include "cnnrnn/kernels/loss/softmax.hpp"

CNNRNN_KERNELS_BEGIN

/// logits x (N, K), targets t (N, K), a weight w (K) of each class.
struct SoftCrossEntropyDims {
  Index n, k;
  double smoothing;  ///< s
};

/// loss(n) = -sum over k of q(k) log p(k), with q (N, K) = w ((1 - s) t + s / K) and p (N, K) =
/// softmax x. Leaves p and q for backward, and the losses (N) if these are not null. Returns their
/// sum.
template <class T>
double soft_cross_entropy_forward(const SoftCrossEntropyDims& d, const T* x, const T* t, const T* w,
                                  T* p, T* q, T* losses) {
  const auto everywhere = static_cast<T>(d.smoothing / static_cast<double>(d.k));
  const auto at_target = static_cast<T>(1 - d.smoothing);
  return parallel_sum<double>(d.n, 64, [&](Index begin, Index end) {
    double sum = 0;
    for (Index row = begin; row < end; ++row) {
      const Index first = row * d.k;
      const auto scale = exp_row(d.k, x + first, p + first);
      const double log_sum = std::log(static_cast<double>(scale.sum));
      double loss = 0;
      for (Index i = first; i < first + d.k; ++i) {
        p[i] /= scale.sum;
        q[i] = w[i - first] * (at_target * t[i] + everywhere);
        loss += q[i] > 0 ? static_cast<double>(q[i]) *
                               (log_sum - static_cast<double>(x[i] - scale.largest))
                         : 0;
      }
      if (losses != nullptr) {
        losses[row] = static_cast<T>(loss);
      }
      sum += loss;
    }
    return sum;
  });
}

/// dx = (p sum of q - q) dloss / divisor. dloss is one number or one for each row.
template <class T>
void soft_cross_entropy_backward(const SoftCrossEntropyDims& d, const T* p, const T* q,
                                 std::span<const T> dloss, T divisor, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  parallel_for(d.n, 64, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index first = row * d.k;
      const T scale = dloss[dloss.size() > 1 ? static_cast<std::size_t>(row) : 0] / divisor;
      T total = T(0);
      for (Index i = first; i < first + d.k; ++i) {
        total += q[i];
      }
      for (Index i = first; i < first + d.k; ++i) {
        dx.put(i, (total * p[i] - q[i]) * scale);
      }
    }
  });
}

CNNRNN_KERNELS_END
