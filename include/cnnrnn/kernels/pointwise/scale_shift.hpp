#pragma once

#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// y = scale x + shift
template <class T>
void scale_shift_forward(std::span<const T> x, Accumulator<T> scale, Accumulator<T> shift,
                         std::span<T> y) {
  for_each_element(x.size(), [&](std::size_t i) { y[i] = static_cast<T>(scale * x[i] + shift); });
}

/// dx = scale dy
template <class T>
void scale_shift_backward(Accumulator<T> scale, std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient(dx, [&](std::size_t i) { return scale * dy[i]; });
}

CNNRNN_KERNELS_END
