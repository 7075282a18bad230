#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"
#include "cnnrnn/ops/in_float.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

inline kernels::SoftmaxDims softmax_dims(const char* name, const Shape& x, Index axis) {
  const Index from_front = axis < 0 ? axis + x.rank() : axis;
  require<ShapeError>(from_front >= 0 && from_front < x.rank(), name, ": expected an axis of ", x,
                      ", got ", axis);
  kernels::SoftmaxDims d{1, x[from_front], 1};
  for (Index i = 0; i < x.rank(); ++i) {
    d.a *= i < from_front ? x[i] : 1;
    d.b *= i > from_front ? x[i] : 1;
  }
  return d;
}

template <class T>
Variable<T> softmax_of_kind(const char* name, const Variable<T>& x, Index axis, bool logarithm) {
  const auto d = softmax_dims(name, x.shape(), axis);
  Tensor<T> y(x.shape());
  kernels::softmax_forward(d, logarithm, x.value().data(), y.mutable_data());
  return record<T>(name, {x}, y, [d, logarithm, y = Saved<T>(y)](Gradients<T>& g) {
    kernels::softmax_backward(d, logarithm, y->data(), g.dy().data(), g.dx());
  });
}

template <class T>
requires is_bfloat16<T> Variable<T> softmax_of_kind(const char* name, const Variable<T>& x,
                                                    Index axis, bool logarithm) {
  return one_in_float<T>(
      name, {x}, [&](const auto& v) { return softmax_of_kind(name, v[0], axis, logarithm); });
}

}  // namespace detail

/// y = e^x / sum of e^x over `axis`, of any shape; stable for large x. Saves y. Throws ShapeError.
template <class T>
Variable<T> softmax(const Variable<T>& x, Index axis = -1) {
  return detail::softmax_of_kind("softmax", x, axis, false);
}

/// y = x - log sum of e^x over `axis`: the logarithm of softmax without its underflow. Saves y.
/// Throws ShapeError.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, Index axis = -1) {
  return detail::softmax_of_kind("log_softmax", x, axis, true);
}

CNNRNN_NAMESPACE_END
