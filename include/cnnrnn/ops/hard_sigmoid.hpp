#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Piecewise linear sigmoid, y = min(max(x + 3, 0), 6) / 6, of any shape. The gradient at -3 and 3
/// is 0. Saves y. Source: Howard et al. (2019).
template <class T>
Variable<T> hard_sigmoid(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::hard_sigmoid_forward(x.value().span(), y.mutable_span());
  return record<T>("hard_sigmoid", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::hard_sigmoid_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
