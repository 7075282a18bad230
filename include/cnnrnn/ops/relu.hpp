#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The gradient in front of the ReLU that ended in y.
template <class T>
Tensor<T> before_relu(const Tensor<T>& y, const Tensor<T>& dy) {
  Tensor<T> result(dy.shape());
  kernels::relu_backward(y.span(), dy.span(), GradientSpan<T>{result.mutable_span()});
  return result;
}

}  // namespace detail

/// Rectified linear unit, y = max(x, 0), of any shape. The gradient at 0 is 0. Saves y.
template <class T>
Variable<T> relu(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::relu_forward(x.value().span(), y.mutable_span());
  return record<T>("relu", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::relu_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
