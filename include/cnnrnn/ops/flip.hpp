#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"

CNNRNN_NAMESPACE_BEGIN

/// One axis backwards, as a mirrored image (N, H, W, C) has its axis 2; negative axes count from
/// the end.
///
/// x (..., A, ...) -> y of the same shape, y[a] = x[A - 1 - a]. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> flip(const Variable<T>& x, Index axis) {
  require<ShapeError>(axis >= -x.rank() && axis < x.rank(), "flip: expected an axis of ", x.shape(),
                      ", got ", axis);
  const Index position = axis < 0 ? axis + x.rank() : axis;
  kernels::FlipDims d{1, x.dim(axis), 1};
  for (Index other = 0; other < x.rank(); ++other) {
    d.outer *= other < position ? x.dim(other) : 1;
    d.inner *= other > position ? x.dim(other) : 1;
  }
  Tensor<T> y(x.shape());
  kernels::flip_forward(d, x.value().data(), y.mutable_data());
  return record<T>("flip", {x}, y,
                   [d](Gradients<T>& g) { kernels::flip_backward(d, g.dy().data(), g.dx()); });
}

CNNRNN_NAMESPACE_END
