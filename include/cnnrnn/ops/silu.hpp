#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Sigmoid linear unit, also called swish, y = x / (1 + e^-x), of any shape. Saves x. Sources:
/// Hendrycks and Gimpel (2016); Ramachandran, Zoph and Le (2017).
template <class T>
Variable<T> silu(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::silu_forward(x.value().span(), y.mutable_span());
  return record<T>("silu", {x}, y, [x = Saved<T>(x.value())](Gradients<T>& g) {
    kernels::silu_backward(x->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
