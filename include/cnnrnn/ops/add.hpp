#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"
#include "cnnrnn/ops/broadcast.hpp"
#include "cnnrnn/ops/scale_shift.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The gradient of one term: scale * dy, summed to the shape of the term.
template <class T>
void add_backward(Gradients<T>& g, Index input, const Shape& shape, Accumulator<T> scale) {
  auto steps = sum_steps(g.dy().shape(), shape);
  if (steps.empty() && scale == 1) {
    g.give(input, g.dy().reshape(shape));
    return;
  }
  if (steps.empty()) {
    steps.push_back({1, 1, shape.size()});
  }
  kernels::add_backward<T>(steps, scale, g.dy().data(), g.dx(input));
}

template <class T>
Variable<T> add_scaled(const char* name, const Variable<T>& a, const Variable<T>& b,
                       Accumulator<T> b_scale) {
  using A = Accumulator<T>;
  Tensor<T> y(broadcast_shape(name, a.shape(), b.shape()));
  kernels::broadcast_forward(broadcast_walk(y.shape(), a.shape(), b.shape()), a.value().data(),
                             b.value().data(), y.mutable_data(),
                             [b_scale](A a_i, A b_i) { return a_i + b_scale * b_i; });
  const auto backward = [a = a.shape(), b = b.shape(), b_scale](Gradients<T>& g) {
    add_backward<T>(g, 0, a, 1);
    add_backward<T>(g, 1, b, b_scale);
  };
  return record<T>(name, {a, b}, y, backward);
}

}  // namespace detail

/// y = a + b. Shapes are broadcast as NumPy does it: matched from the last axis on, an axis of 1,
/// or one that is not there, is repeated. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b) {
  return detail::add_scaled<T>("add", a, b, 1);
}

/// y = a - b, broadcast as add. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> sub(const Variable<T>& a, const Variable<T>& b) {
  return detail::add_scaled<T>("sub", a, b, -1);
}

/// a + b with broadcasting; see add.
template <class T>
Variable<T> operator+(const Variable<T>& a, const Variable<T>& b) {
  return add(a, b);
}

/// a + b for a number b.
template <class T>
Variable<T> operator+(const Variable<T>& a, Accumulator<T> b) {
  return scale_shift(a, 1, b, "add");
}

/// a + b for a number a.
template <class T>
Variable<T> operator+(Accumulator<T> a, const Variable<T>& b) {
  return scale_shift(b, 1, a, "add");
}

/// a - b with broadcasting; see sub.
template <class T>
Variable<T> operator-(const Variable<T>& a, const Variable<T>& b) {
  return sub(a, b);
}

/// a - b for a number b.
template <class T>
Variable<T> operator-(const Variable<T>& a, Accumulator<T> b) {
  return scale_shift(a, 1, -b, "sub");
}

/// a - b for a number a.
template <class T>
Variable<T> operator-(Accumulator<T> a, const Variable<T>& b) {
  return scale_shift(b, -1, a, "sub");
}

/// -x.
template <class T>
Variable<T> operator-(const Variable<T>& x) {
  return scale_shift(x, -1, 0, "negate");
}

CNNRNN_NAMESPACE_END
