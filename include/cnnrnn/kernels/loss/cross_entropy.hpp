#pragma once

#include <cmath>
#include <span>

#include "cnnrnn/kernels/loss/softmax.hpp"

CNNRNN_KERNELS_BEGIN

/// logits x (N, K), labels (N): each below K or the one to ignore; w (K), a weight of each class.
template <class T>
struct CrossEntropyDims {
  Index n, k;
  double smoothing;  ///< s
  double weights;    ///< sum of w
  Index ignored;

  /// What p is multiplied by in the gradient of a row whose class has the weight w.
  double total(T w) const {
    return (1 - smoothing) * static_cast<double>(w) + smoothing / static_cast<double>(k) * weights;
  }
};

/// loss(n) = -(1 - s) w(label) log p(label) - s / K sum over k of w(k) log p(k), with p (N, K) =
/// softmax x; 0 for an ignored label. Leaves p for backward, and the losses (N) if these are not
/// null. Returns their sum.
template <class T>
double cross_entropy_forward(const CrossEntropyDims<T>& d, const T* x, const Index* labels,
                             const T* w, T* p, T* losses) {
  const double s = d.smoothing;
  return parallel_sum<double>(d.n, 64, [&](Index begin, Index end) {
    double sum = 0;
    for (Index row = begin; row < end; ++row) {
      double loss = 0;
      if (labels[row] != d.ignored) {
        const T* const from = x + row * d.k;
        T* const to = p + row * d.k;
        const auto scale = exp_row(d.k, from, to);
        double mean = 0;  // of x - largest, as the target: small numbers, whatever x is
        for (Index k = 0; k < d.k; ++k) {
          to[k] /= scale.sum;
          mean += static_cast<double>(w[k]) * static_cast<double>(from[k] - scale.largest) /
                  static_cast<double>(d.k);
        }
        const T weight = w[labels[row]];
        const auto target = static_cast<double>(from[labels[row]] - scale.largest);
        const double log_sum = std::log(static_cast<double>(scale.sum));
        loss = d.total(weight) * log_sum - (1 - s) * static_cast<double>(weight) * target -
               (s > 0 ? s * mean : 0);
      }
      if (losses != nullptr) {
        losses[row] = static_cast<T>(loss);
      }
      sum += loss;
    }
    return sum;
  });
}

/// dx = (total p - (1 - s) w(label) [k is the label] - s / K w(k)) dloss / divisor, 0 for an
/// ignored label. dloss is one number or one for each row.
template <class T>
void cross_entropy_backward(const CrossEntropyDims<T>& d, const T* p, const Index* labels,
                            const T* w, std::span<const T> dloss, T divisor, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const auto everywhere = static_cast<T>(d.smoothing / static_cast<double>(d.k));
  const auto at_label = static_cast<T>(1 - d.smoothing);
  parallel_for(d.n, 64, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index label = labels[row];
      const bool counts = label != d.ignored;
      const T scale = dloss[dloss.size() > 1 ? static_cast<std::size_t>(row) : 0] / divisor;
      const auto total = static_cast<T>(counts ? d.total(w[label]) : 0);
      for (Index k = 0; k < d.k; ++k) {
        const T target = everywhere * w[k] + (k == label ? at_label * w[k] : T(0));
        dx.put(row * d.k + k, counts ? (total * p[row * d.k + k] - target) * scale : T(0));
      }
    }
  });
}

CNNRNN_KERNELS_END
