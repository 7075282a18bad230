#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The entries first ... first + length - 1 of one axis; negative axes count from the end.
///
/// x (..., A, ...) -> y (..., length, ...), a copy. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> slice(const Variable<T>& x, Index axis, Index first, Index length) {
  require<ShapeError>(axis >= -x.rank() && axis < x.rank(), "slice: expected an axis of ",
                      x.shape(), ", got ", axis);
  const Index size = x.dim(axis);
  require<ShapeError>(first >= 0 && length >= 0 && first <= size && length <= size - first,
                      "slice: expected a part of the ", size, " entries of axis ", axis, " of ",
                      x.shape(), ", got ", length, " from ", first, " on");
  kernels::SliceDims d{1, size, 1, first, length};
  const Index position = axis < 0 ? axis + x.rank() : axis;
  for (Index other = 0; other < x.rank(); ++other) {
    d.outer *= other < position ? x.dim(other) : 1;
    d.inner *= other > position ? x.dim(other) : 1;
  }
  Tensor<T> y(x.shape().with(axis, length));
  kernels::slice_forward(d, x.value().data(), y.mutable_data());
  return record<T>("slice", {x}, y,
                   [d](Gradients<T>& g) { kernels::slice_backward(d, g.dy().data(), g.dx()); });
}

CNNRNN_NAMESPACE_END
