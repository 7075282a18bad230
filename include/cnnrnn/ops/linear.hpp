#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/gemm.hpp"
#include "cnnrnn/kernels/reduction.hpp"
#include "cnnrnn/ops/relu.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

template <class T>
kernels::LinearDims linear_dims(const Variable<T>& x, const Variable<T>& weight,
                                const Variable<T>& bias) {
  require<ShapeError>(weight.rank() == 2, "linear: expected a weight (O, I), got ", weight.shape());
  require<ShapeError>(x.rank() >= 1 && x.dim(-1) == weight.dim(1),
                      "linear: expected input features ", weight.dim(1), ", got ", x.shape());
  require<ShapeError>(!bias.defined() || bias.shape() == Shape{weight.dim(0)},
                      "linear: expected a bias of shape ", Shape{weight.dim(0)}, ", got ",
                      bias.shape());
  return {x.shape().with(-1, 1).size(), weight.dim(1), weight.dim(0)};
}

template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   bool relu) {
  const kernels::LinearDims d = linear_dims(x, weight, bias);
  Tensor<T> y(x.shape().with(-1, d.o));
  kernels::linear_forward(d, x.value().data(), weight.value().data(), bias.value().data(),
                          y.mutable_data(), relu);
  return record<T>("linear", {x, weight, bias}, y,
                   [d, relu, x = Saved<T>(x.value()), weight = Saved<T>(weight.value()),
                    y = Saved<T>(relu ? y : Tensor<T>())](Gradients<T>& g) {
                     const Tensor<T> dy = relu ? before_relu(*y, g.dy()) : g.dy();
                     kernels::linear_backward_input(d, weight->data(), dy.data(), g.dx(0));
                     kernels::linear_backward_weight(d, x->data(), dy.data(), g.dx(1));
                     kernels::column_sums(d.n, d.o, dy.data(), g.dx(2));
                   });
}

}  // namespace detail

/// Dense layer, y = x weight^T + bias.
///
/// x (..., I), weight (O, I), bias (O) or undefined -> y (..., O). Saves x and weight. Throws
/// ShapeError.
template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {}) {
  return detail::linear(x, weight, bias, false);
}

/// A dense layer and a ReLU in one pass, y = max(x weight^T + bias, 0). As linear; saves y too.
template <class T>
Variable<T> linear_relu(const Variable<T>& x, const Variable<T>& weight,
                        const Variable<T>& bias = {}) {
  return detail::linear(x, weight, bias, true);
}

CNNRNN_NAMESPACE_END
