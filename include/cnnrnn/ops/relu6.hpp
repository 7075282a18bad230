#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Rectified linear unit with a ceiling, y = min(max(x, 0), 6), of any shape. The gradient at 0 and
/// at 6 is 0. Saves y. Source: Krizhevsky (2010).
template <class T>
Variable<T> relu6(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::relu6_forward(x.value().span(), y.mutable_span());
  return record<T>("relu6", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::relu6_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
