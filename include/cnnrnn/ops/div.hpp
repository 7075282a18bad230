#pragma once

#include <type_traits>

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
                             [](Accumulator<T> a_i, Accumulator<T> b_i) { return a_i / b_i; });
  return record<T>(
      "div", {a, b}, y,
      [shape = a.shape(), b = Saved<T>(b.value()), y = Saved<T>(y)](Gradients<T>& g) {
        if (g.needs(0)) {
          Tensor<T> slope(b->shape());
          kernels::for_each_element(b->span().size(),
                                    [from = b->data(), to = slope.mutable_data()](std::size_t i) {
                                      to[i] = static_cast<T>(1 / from[i]);
                                    });
          detail::mul_backward(g, 0, shape, slope);
        }
        if (g.needs(1)) {
          using A = Accumulator<T>;
          Tensor<T> slope(y->shape());
          kernels::broadcast_forward(detail::broadcast_walk(y->shape(), y->shape(), b->shape()),
                                     y->data(), b->data(), slope.mutable_data(),
                                     [](A y_i, A b_i) { return -y_i / b_i; });
          detail::mul_backward(g, 1, b->shape(), slope);
        }
      });
}

/// a / b with broadcasting; see div.
template <class T>
Variable<T> operator/(const Variable<T>& a, const Variable<T>& b) {
  return div(a, b);
}

/// a / b for a number b.
template <class T>
Variable<T> operator/(const Variable<T>& a, Accumulator<T> b) {
  return div(a, Variable<T>(Tensor<T>::scalar(b)));
}

/// a / b for a number a.
template <class T>
Variable<T> operator/(Accumulator<T> a, const Variable<T>& b) {
  return div(Variable<T>(Tensor<T>::scalar(a)), b);
}

/// The same of bfloat16, computed in float: the number is not rounded.
template <class T>
requires is_bfloat16<T> Variable<T>
operator/(const Variable<T>& a, Accumulator<T> b) {
  return detail::one_in_float<T>("div", {a}, [&](const auto& v) { return v[0] / b; });
}

/// The same of bfloat16, computed in float: the number is not rounded.
template <class T>
requires is_bfloat16<T> Variable<T>
operator/(Accumulator<T> a, const Variable<T>& b) {
  return detail::one_in_float<T>("div", {b}, [&](const auto& v) { return a / v[0]; });
}

CNNRNN_NAMESPACE_END
