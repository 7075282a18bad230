#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Exponential function, y = e^x, of any shape. Saves y.
template <class T>
Variable<T> exp(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::exp_forward(x.value().span(), y.mutable_span());
  return record<T>("exp", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::exp_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
