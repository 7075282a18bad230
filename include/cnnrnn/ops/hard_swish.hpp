#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Swish with a piecewise linear sigmoid, y = x min(max(x + 3, 0), 6) / 6, of any shape. The
/// gradient at -3 is 0, at 3 it is 1. Saves x. Source: Howard et al. (2019).
template <class T>
Variable<T> hard_swish(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  kernels::hard_swish_forward(x.value().span(), y.mutable_span());
  return record<T>("hard_swish", {x}, y, [x = Saved<T>(x.value())](Gradients<T>& g) {
    kernels::hard_swish_backward(x->span(), g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
