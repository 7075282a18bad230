#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Square root of any shape, NaN below 0; the gradient at 0 is infinite, as in PyTorch. Saves y.
template <class T>
Variable<T> sqrt(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::sqrt_forward(x.value().span(), y.mutable_span());
  return record<T>("sqrt", {x}, y, [y = Saved<T>(y)](Gradients<T>& g) {
    kernels::sqrt_backward(y->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
