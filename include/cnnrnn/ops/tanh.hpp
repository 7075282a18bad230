#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Hyperbolic tangent, y = tanh x, of any shape. Saves y.
template <class T>
Variable<T> tanh(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::tanh_forward(x.value().span(), y.mutable_span());
  return record<T>("tanh", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::tanh_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
