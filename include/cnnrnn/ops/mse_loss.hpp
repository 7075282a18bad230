#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"
#include "cnnrnn/ops/reduction.hpp"

CNNRNN_NAMESPACE_BEGIN

struct MseLossOptions {
  Reduction reduction = Reduction::mean;
};

/// Squared error, (a - b)^2: two of one shape -> scalar, or that shape without a reduction. Saves
/// both. Throws ShapeError.
template <class T>
Variable<T> mse_loss(const Variable<T>& a, const Variable<T>& b,
                     const MseLossOptions& options = {}) {
  require<ShapeError>(a.shape() == b.shape(), "mse_loss: expected two of the same shape, got ",
                      a.shape(), " and ", b.shape());
  const Index count = a.value().size();
  require<ShapeError>(count > 0, "mse_loss: expected one element or more, got ", a.shape());
  const Index divisor = options.reduction == Reduction::mean ? count : 1;
  Tensor<T> losses = options.reduction == Reduction::none ? Tensor<T>(a.shape()) : Tensor<T>();
  const double sum = kernels::mse_loss_forward(a.value().span(), b.value().span(),
                                               losses.defined() ? losses.mutable_data() : nullptr);
  const Tensor<T> loss =
      losses.defined() ? losses
                       : Tensor<T>::scalar(static_cast<T>(sum / static_cast<double>(divisor)));
  return record<T>("mse_loss", {a, b}, loss,
                   [divisor = static_cast<T>(divisor), a = Saved<T>(a.value()),
                    b = Saved<T>(b.value())](Gradients<T>& g) {
                     const auto dy = g.dy().span();
                     kernels::mse_loss_backward(a->span(), b->span(), dy, divisor, g.dx(0));
                     kernels::mse_loss_backward(b->span(), a->span(), dy, divisor, g.dx(1));
                   });
}

CNNRNN_NAMESPACE_END
