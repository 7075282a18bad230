#pragma once

#include <cmath>

#include "cnnrnn/kernels/loss/softmax.hpp"

CNNRNN_KERNELS_BEGIN

/// logits x (N, K), labels (N): each below K
struct CrossEntropyDims {
  Index n, k;
};

/// loss = mean over n of -(1 - s) log p(label) - s / K sum over k of log p(k), with p (N, K) =
/// softmax x and the smoothing s. Leaves p for backward.
template <class T>
T cross_entropy_forward(const CrossEntropyDims& d, T smoothing, const T* x, const Index* labels,
                        T* p) {
  const auto s = static_cast<double>(smoothing);
  const double sum = parallel_sum<double>(d.n, 64, [&](Index begin, Index end) {
    double losses = 0;
    for (Index row = begin; row < end; ++row) {
      const T* const from = x + row * d.k;
      T* const to = p + row * d.k;
      const auto scale = exp_row(d.k, from, to);
      double mean = 0;  // of x - largest, as the target: small numbers, whatever x is
      for (Index k = 0; k < d.k; ++k) {
        to[k] /= scale.sum;
        mean += static_cast<double>(from[k] - scale.largest) / static_cast<double>(d.k);
      }
      const auto target = static_cast<double>(from[labels[row]] - scale.largest);
      const double log_sum = std::log(static_cast<double>(scale.sum));
      losses += log_sum - (1 - s) * target - (s > 0 ? s * mean : 0);
    }
    return losses;
  });
  return static_cast<T>(sum / static_cast<double>(d.n));
}

/// dx = (p - (1 - s) [k is the label] - s / K) dloss / N
template <class T>
void cross_entropy_backward(const CrossEntropyDims& d, T smoothing, const T* p, const Index* labels,
                            T dloss, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const T scale = dloss / static_cast<T>(d.n);
  const T everywhere = smoothing / static_cast<T>(d.k);
  parallel_for(d.n, 64, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      for (Index k = 0; k < d.k; ++k) {
        const T target = everywhere + (k == labels[row] ? 1 - smoothing : T(0));
        dx.put(row * d.k + k, (p[row * d.k + k] - target) * scale);
      }
    }
  });
}

CNNRNN_KERNELS_END
