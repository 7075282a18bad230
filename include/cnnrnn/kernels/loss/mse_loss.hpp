#pragma once

#include <span>

#include "cnnrnn/kernels/loops/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// The sum of (a - b)^2, and each of them if `losses` is not null.
template <class T>
double mse_loss_forward(std::span<const T> a, std::span<const T> b, T* losses) {
  return parallel_sum<double>(static_cast<Index>(a.size()), 1 << 12, [&](Index begin, Index end) {
    double squares = 0;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto difference = static_cast<double>(a[i] - b[i]);
      squares += difference * difference;
      if (losses != nullptr) {
        losses[i] = static_cast<T>(difference * difference);
      }
    }
    return squares;
  });
}

/// da = 2 (a - b) dy / divisor, with one dy for all or one for each; db is the same with a and b
/// exchanged.
template <class T>
void mse_loss_backward(std::span<const T> a, std::span<const T> b, std::span<const T> dy, T divisor,
                       GradientSpan<T> da) {
  const bool each = dy.size() > 1;
  const T scale = 2 * dy[0] / divisor;
  store_gradient(
      da, [&](std::size_t i) { return (a[i] - b[i]) * (each ? 2 * dy[i] / divisor : scale); });
}

CNNRNN_KERNELS_END
