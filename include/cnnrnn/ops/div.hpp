#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"
#include "cnnrnn/ops/broadcast.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/mul.hpp"

CNNRNN_NAMESPACE_BEGIN

/// y = a / b, element by element. Shapes are broadcast as by add. Saves b and y. Throws ShapeError.
template <class T>
Variable<T> div(const Variable<T>& a, const Variable<T>& b) {
  Tensor<T> y(detail::broadcast_shape("div", a.shape(), b.shape()));
  kernels::broadcast_forward(detail::broadcast_walk(y.shape(), a.shape(), b.shape()),
                             a.value().data(), b.value().data(), y.mutable_data(),
                             [](T a_i, T b_i) { return a_i / b_i; });
  return record<T>(
      "div", {a, b}, y,
      [shape = a.shape(), b = Saved<T>(b.value()), y = Saved<T>(y)](Gradients<T>& g) {
        if (g.needs(0)) {
          Tensor<T> slope(b->shape());
          kernels::for_each_element(b->span().size(),
                                    [from = b->data(), to = slope.mutable_data()](std::size_t i) {
                                      to[i] = T(1) / from[i];
                                    });
          detail::mul_backward(g, 0, shape, slope);
        }
        if (g.needs(1)) {
          Tensor<T> slope(y->shape());
          kernels::broadcast_forward(detail::broadcast_walk(y->shape(), y->shape(), b->shape()),
                                     y->data(), b->data(), slope.mutable_data(),
                                     [](T y_i, T b_i) { return -y_i / b_i; });
          detail::mul_backward(g, 1, b->shape(), slope);
        }
      });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> div(const Variable<T>& a, const Variable<T>& b) {
  return detail::one_in_float<T>("div", {a, b}, [](const auto& v) { return div(v[0], v[1]); });
}

/// a / b with broadcasting; see div.
template <class T>
Variable<T> operator/(const Variable<T>& a, const Variable<T>& b) {
  return div(a, b);
}

/// a / b for a number b, which is not rounded to T.
template <class T>
Variable<T> operator/(const Variable<T>& a, Accumulator<T> b) {
  if constexpr (is_bfloat16<T>) {
    return detail::one_in_float<T>("div", {a}, [&](const auto& v) { return v[0] / b; });
  } else {
    return div(a, Variable<T>(Tensor<T>::scalar(b)));
  }
}

/// a / b for a number a, which is not rounded to T.
template <class T>
Variable<T> operator/(Accumulator<T> a, const Variable<T>& b) {
  if constexpr (is_bfloat16<T>) {
    return detail::one_in_float<T>("div", {b}, [&](const auto& v) { return a / v[0]; });
  } else {
    return div(Variable<T>(Tensor<T>::scalar(a)), b);
  }
}

CNNRNN_NAMESPACE_END
