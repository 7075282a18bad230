#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Leaky rectified linear unit, y = x if x > 0, else slope x, of any shape. The gradient at 0 is
/// that of the negative side. Saves x. Source: Maas, Hannun and Ng (2013).
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double slope = 0.01) {
  Tensor<T> y(x.shape());
  const auto factor = static_cast<Accumulator<T>>(slope);
  kernels::leaky_relu_forward<T>(x.value().span(), factor, y.mutable_span());
  return record<T>("leaky_relu", {x}, y, [factor, x = Saved<T>(x.value())](Gradients<T>& g) {
    kernels::leaky_relu_backward<T>(x->span(), factor, g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
