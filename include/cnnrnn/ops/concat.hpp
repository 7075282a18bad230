#pragma once

#include <initializer_list>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The shape of the parts put together along `axis`. Throws ShapeError.
template <class T>
Shape concat_shape(const std::vector<Variable<T>>& parts, Index axis) {
  require<ShapeError>(!parts.empty(), "concat: expected one part or more, got none");
  const Shape& first = parts[0].shape();
  require<ShapeError>(axis >= -first.rank() && axis < first.rank(), "concat: expected an axis of ",
                      first, ", got ", axis);
  Index length = 0;
  for (const auto& part : parts) {
    require<ShapeError>(
        part.rank() == first.rank() && part.shape().with(axis, first[axis]) == first,
        "concat: expected a part like ", first, " but for axis ", axis, ", got ", part.shape());
    length += part.dim(axis);
  }
  return first.with(axis, length);
}

}  // namespace detail

/// The parts one behind the other along `axis`: ranks and all other dimensions are equal; negative
/// axes count from the end.
///
/// (..., A, ...), (..., B, ...), ... -> (..., A + B + ..., ...). Saves nothing. Throws ShapeError.
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& parts, Index axis = -1) {
  Tensor<T> y(detail::concat_shape(parts, axis));
  kernels::ConcatDims d{1, 0, 1, 0};
  const Index position = axis < 0 ? axis + y.rank() : axis;
  for (Index i = 0; i < y.rank(); ++i) {
    (i < position ? d.outer : d.whole) *= y.dim(i);
  }
  std::vector<kernels::ConcatDims> places;
  for (const auto& part : parts) {
    d.first += d.part;
    d.part = d.outer > 0 ? part.value().size() / d.outer : 0;
    kernels::concat_forward(d, part.value().data(), y.mutable_data());
    places.push_back(d);
  }
  return record<T>("concat", parts, y, [places](Gradients<T>& g) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      kernels::concat_backward(places[i], g.dy().data(), g.dx(static_cast<Index>(i)));
    }
  });
}

/// The same for a list of variables: `concat<float>({a, b})`.
template <class T>
Variable<T> concat(std::initializer_list<Variable<T>> parts, Index axis = -1) {
  return concat(std::vector<Variable<T>>(parts), axis);
}

CNNRNN_NAMESPACE_END
