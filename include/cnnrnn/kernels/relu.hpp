#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// y = max(x, 0); NaN stays NaN, so that a diverged network is seen
template <class T>
void relu_forward(std::span<const T> x, std::span<T> y) {
  for_each_element(x.size(), [&](std::size_t i) { y[i] = x[i] < T(0) ? T(0) : x[i]; });
}

/// dx = dy where y > 0
template <class T>
void relu_backward(std::span<const T> y, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient(dx, [&](std::size_t i) { return y[i] > T(0) ? dy[i] : T(0); });
}

CNNRNN_KERNELS_END
