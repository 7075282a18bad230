#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/reduction.hpp"
#include "cnnrnn/ops/around_axis.hpp"
#include "cnnrnn/ops/sum.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

template <kernels::Extreme which, class T>
Variable<T> extremes(const char* name, const Variable<T>& x, Index axis, SummedAxes dropped) {
  const Shape ones = with_ones(name, x.shape(), {axis});
  require<ShapeError>(x.value().size() > 0, name, ": expected one element or more, got ",
                      x.shape());
  const auto [outer, size, inner] = around_axis(name, x.shape(), axis);
  const kernels::SumDims d{outer, size, inner};
  Tensor<T> y(dropped == SummedAxes::keep ? ones : without(ones, {axis}));
  kernels::extremes_forward<which>(d, x.value().data(), y.mutable_data());
  return record<T>(name, {x}, y, [d, x = Saved<T>(x.value()), y = Saved<T>(y)](Gradients<T>& g) {
    kernels::extremes_backward(d, x->data(), y->data(), g.dy().data(), g.dx());
  });
}

}  // namespace detail

/// The largest along an axis, which is dropped or kept as 1; negative axes count from the end. Of
/// equal ones each gets the same part of the gradient, as in PyTorch. A NaN is larger than all.
/// Saves x and y. Throws ShapeError, also when there is no element.
template <class T>
Variable<T> amax(const Variable<T>& x, Index axis, SummedAxes dropped = SummedAxes::drop) {
  return detail::extremes<kernels::Extreme::largest>("amax", x, axis, dropped);
}

/// The smallest along an axis; the rest as in amax.
template <class T>
Variable<T> amin(const Variable<T>& x, Index axis, SummedAxes dropped = SummedAxes::drop) {
  return detail::extremes<kernels::Extreme::smallest>("amin", x, axis, dropped);
}

CNNRNN_NAMESPACE_END
