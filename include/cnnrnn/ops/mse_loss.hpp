#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Mean squared error, loss = mean of (a - b)^2: two of one shape -> scalar. Saves both. Throws
/// ShapeError.
template <class T>
Variable<T> mse_loss(const Variable<T>& a, const Variable<T>& b) {
  require<ShapeError>(a.shape() == b.shape(), "mse_loss: expected two of the same shape, got ",
                      a.shape(), " and ", b.shape());
  require<ShapeError>(a.value().size() > 0, "mse_loss: expected one element or more, got ",
                      a.shape());
  const T loss = kernels::mse_loss_forward(a.value().span(), b.value().span());
  return record<T>("mse_loss", {a, b}, Tensor<T>::scalar(loss),
                   [a = Saved<T>(a.value()), b = Saved<T>(b.value())](Gradients<T>& g) {
                     const T dloss = g.dy().item();
                     kernels::mse_loss_backward(a->span(), b->span(), dloss, g.dx(0));
                     kernels::mse_loss_backward(b->span(), a->span(), dloss, g.dx(1));
                   });
}

CNNRNN_NAMESPACE_END
