#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"
#include "cnnrnn/ops/around_axis.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The entries first ... first + length - 1 of one axis; negative axes count from the end.
///
/// x (..., A, ...) -> y (..., length, ...), a copy. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> slice(const Variable<T>& x, Index axis, Index first, Index length) {
  const auto [outer, size, inner] = detail::around_axis("slice", x.shape(), axis);
  require<ShapeError>(first >= 0 && length >= 0 && first <= size && length <= size - first,
                      "slice: expected a part of the ", size, " entries of axis ", axis, " of ",
                      x.shape(), ", got ", length, " from ", first, " on");
  const kernels::SliceDims d{outer, size, inner, first, length};
  Tensor<T> y(x.shape().with(axis, length));
  kernels::slice_forward(d, x.value().data(), y.mutable_data());
  return record<T>("slice", {x}, y,
                   [d](Gradients<T>& g) { kernels::slice_backward(d, g.dy().data(), g.dx()); });
}

CNNRNN_NAMESPACE_END
