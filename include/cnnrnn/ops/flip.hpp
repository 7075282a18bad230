#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"
#include "cnnrnn/ops/around_axis.hpp"

CNNRNN_NAMESPACE_BEGIN

/// One axis backwards, as a mirrored image (N, H, W, C) has its axis 2; negative axes count from
/// the end.
///
/// x (..., A, ...) -> y of the same shape, y[a] = x[A - 1 - a]. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> flip(const Variable<T>& x, Index axis) {
  const auto [outer, size, inner] = detail::around_axis("flip", x.shape(), axis);
  const kernels::FlipDims d{outer, size, inner};
  Tensor<T> y(x.shape());
  kernels::flip_forward(d, x.value().data(), y.mutable_data());
  return record<T>("flip", {x}, y,
                   [d](Gradients<T>& g) { kernels::flip_backward(d, g.dy().data(), g.dx()); });
}

CNNRNN_NAMESPACE_END
