#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Logistic function, y = 1 / (1 + e^-x), of any shape. Saves y.
template <class T>
Variable<T> sigmoid(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::sigmoid_forward(x.value().span(), y.mutable_span());
  return record<T>("sigmoid", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::sigmoid_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
