#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// How GELU computes the normal distribution: exactly, or with a tanh close to it.
enum class GeluApproximation { none, tanh };

/// Gaussian error linear unit, y = x P(x) with P the normal distribution, of any shape; with
/// GeluApproximation::tanh, P(x) is (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Saves x.
/// Source: Hendrycks and Gimpel (2016).
template <class T>
Variable<T> gelu(const Variable<T>& x, GeluApproximation approximation = GeluApproximation::none) {
  Tensor<T> y(x.shape());
  const bool exact = approximation == GeluApproximation::none;
  (exact ? kernels::gelu_forward<T> : kernels::gelu_tanh_forward<T>)(x.value().span(),
                                                                     y.mutable_span());
  return record<T>("gelu", {x}, y, [exact, x = Saved<T>(x.value())](Gradients<T>& g) {
    (exact ? kernels::gelu_backward<T> : kernels::gelu_tanh_backward<T>)(x->span(), g.dy().span(),
                                                                         g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
