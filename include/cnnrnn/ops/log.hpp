#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Natural logarithm, y = ln x, of any shape: -infinity at 0 and NaN below. Saves x.
template <class T>
Variable<T> log(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::log_forward(x.value().span(), y.mutable_span());
  return record<T>("log", {x}, y, [x = Saved<T>(x.value())](Gradients<T>& g) {
    kernels::log_backward(x->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
