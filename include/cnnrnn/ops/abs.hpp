#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Absolute value, y = |x|, of any shape. The gradient at 0 is 0. Saves x.
template <class T>
Variable<T> abs(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::abs_forward(x.value().span(), y.mutable_span());
  return record<T>("abs", {x}, y, [x = Saved<T>(x.value())](Gradients<T>& g) {
    kernels::abs_backward(x->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
