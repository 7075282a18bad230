#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// y = x if x > 0, else slope x
template <class T>
void leaky_relu_forward(std::span<const T> x, Accumulator<T> slope, std::span<T> y) {
  for_each_element(x.size(),
                   [&](std::size_t i) { y[i] = static_cast<T>(x[i] > 0 ? x[i] : slope * x[i]); });
}

/// dx = dy if x > 0, else slope dy
template <class T>
void leaky_relu_backward(std::span<const T> x, Accumulator<T> slope, std::span<const T> dy,
                         GradientSpan<T> dx) {
  store_gradient(dx, [&](std::size_t i) { return x[i] > 0 ? dy[i] : slope * dy[i]; });
}

CNNRNN_KERNELS_END
