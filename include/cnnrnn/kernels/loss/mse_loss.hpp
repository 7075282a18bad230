#pragma once

#include <span>

#include "cnnrnn/kernels/loops/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// loss = mean of (a - b)^2
template <class T>
T mse_loss_forward(std::span<const T> a, std::span<const T> b) {
  const auto count = static_cast<Index>(a.size());
  const double sum = parallel_sum<double>(count, 1 << 12, [&](Index begin, Index end) {
    double squares = 0;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto difference = static_cast<double>(a[i] - b[i]);
      squares += difference * difference;
    }
    return squares;
  });
  return static_cast<T>(sum / static_cast<double>(count));
}

/// da = 2 (a - b) dloss / count; db is the same with a and b exchanged.
template <class T>
void mse_loss_backward(std::span<const T> a, std::span<const T> b, T dloss, GradientSpan<T> da) {
  const T scale = 2 * dloss / static_cast<T>(a.size());
  store_gradient(da, [&](std::size_t i) { return (a[i] - b[i]) * scale; });
}

CNNRNN_KERNELS_END
