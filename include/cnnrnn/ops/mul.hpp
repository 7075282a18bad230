#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"
#include "cnnrnn/ops/broadcast.hpp"
#include "cnnrnn/ops/scale_shift.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The gradient of the factor `x`, whose other factor is `other`.
template <class T>
void mul_backward(Gradients<T>& g, Index input, const Shape& x, const Tensor<T>& other) {
  const Shape& y = g.dy().shape();
  kernels::mul_backward(broadcast_walk(y, other.shape()), sum_steps(y, x), other.data(),
                        g.dy().data(), g.dx(input));
}

}  // namespace detail

/// y = a b, element by element. Shapes are broadcast as by add. Saves a and b. Throws ShapeError.
template <class T>
Variable<T> mul(const Variable<T>& a, const Variable<T>& b) {
  Tensor<T> y(detail::broadcast_shape("mul", a.shape(), b.shape()));
  kernels::broadcast_forward(detail::broadcast_walk(y.shape(), a.shape(), b.shape()),
                             a.value().data(), b.value().data(), y.mutable_data(),
                             [](Accumulator<T> a_i, Accumulator<T> b_i) { return a_i * b_i; });
  return record<T>("mul", {a, b}, y,
                   [a = Saved<T>(a.value()), b = Saved<T>(b.value())](Gradients<T>& g) {
                     detail::mul_backward(g, 0, a->shape(), *b);
                     detail::mul_backward(g, 1, b->shape(), *a);
                   });
}

/// a b with broadcasting; see mul.
template <class T>
Variable<T> operator*(const Variable<T>& a, const Variable<T>& b) {
  return mul(a, b);
}

/// a b for a number b.
template <class T>
Variable<T> operator*(const Variable<T>& a, Accumulator<T> b) {
  return scale_shift(a, b, 0, "mul");
}

/// a b for a number a.
template <class T>
Variable<T> operator*(Accumulator<T> a, const Variable<T>& b) {
  return scale_shift(b, a, 0, "mul");
}

CNNRNN_NAMESPACE_END
