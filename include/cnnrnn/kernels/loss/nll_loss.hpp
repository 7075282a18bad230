#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/shape.hpp"

// log p (N, K), labels (N): each below K or the one to ignore; w (K), a weight of each class.

CNNRNN_KERNELS_BEGIN

struct NllLossDims {
  Index n, k;
  Index ignored;
};

/// loss(n) = -w(label) log p(label); 0 for an ignored label. Leaves the losses (N) if these are not
/// null, and returns their sum.
template <class T>
double nll_loss_forward(const NllLossDims& d, const T* log_p, const Index* labels, const T* w,
                        T* losses) {
  double sum = 0;
  for (Index row = 0; row < d.n; ++row) {
    const Index label = labels[row];
    const T loss = label == d.ignored ? T(0) : -w[label] * log_p[row * d.k + label];
    sum += static_cast<double>(loss);
    if (losses != nullptr) {
      losses[row] = loss;
    }
  }
  return sum;
}

/// dx = -w(label) dloss / divisor at the label, 0 elsewhere; dloss is one number or one a row.
template <class T>
void nll_loss_backward(const NllLossDims& d, const Index* labels, const T* w,
                       std::span<const T> dloss, T divisor, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  for (Index row = 0; row < d.n; ++row) {
    const T slope = dloss[dloss.size() > 1 ? static_cast<std::size_t>(row) : 0] / divisor;
    for (Index k = 0; k < d.k; ++k) {
      const bool here = k == labels[row] && k != d.ignored;
      dx.put(row * d.k + k, here ? -w[k] * slope : T(0));
    }
  }
}

CNNRNN_KERNELS_END
