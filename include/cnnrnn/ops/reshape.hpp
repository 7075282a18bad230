#pragma once

#include <initializer_list>

#include "cnnrnn/autograd/variable.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

template <class T>
Variable<T> reshaped(const Variable<T>& x, const Tensor<T>& y) {
  return record<T>("reshape", {x}, y,
                   [shape = x.shape()](Gradients<T>& g) { g.give(0, g.dy().reshape(shape)); });
}

}  // namespace detail

/// The same elements under another shape of the same size; one dimension may be -1, meaning the
/// rest. Shares the memory of x. Saves nothing. Throws ShapeError.
template <class T>
Variable<T> reshape(const Variable<T>& x, std::initializer_list<Index> dims) {
  return detail::reshaped(x, x.value().reshape(dims));
}

/// The same: `reshape(x, {n, -1})` for a given shape.
template <class T>
Variable<T> reshape(const Variable<T>& x, const Shape& shape) {
  return detail::reshaped(x, x.value().reshape(shape));
}

CNNRNN_NAMESPACE_END
