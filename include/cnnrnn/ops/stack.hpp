#pragma once

#include <vector>

#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The parts, all of one shape, one behind the other along a new axis at position `axis` of the
/// result; negative positions count from its end.
///
/// K of (A, B, ...) -> (A, ..., K, ..., B, ...). Saves nothing. Throws ShapeError.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& parts, Index axis = 0) {
  require<ShapeError>(!parts.empty(), "stack: expected one part or more, got none");
  const Shape shape = parts.front().shape();
  const Index rank = shape.rank() + 1;
  require<ShapeError>(rank <= Shape::max_rank && axis >= -rank && axis < rank,
                      "stack: expected an axis of a result of rank ", rank, " and no more than ",
                      Shape::max_rank, ", got ", axis);
  const Index position = axis < 0 ? axis + rank : axis;
  std::vector<Index> dims(shape.dims().begin(), shape.dims().end());
  dims.insert(dims.begin() + position, 1);
  std::vector<Variable<T>> layers;
  for (const auto& part : parts) {
    require<ShapeError>(part.shape() == shape, "stack: expected parts ", shape, ", got ",
                        part.shape());
    layers.push_back(reshape(part, Shape(dims)));
  }
  return concat(layers, position);
}

/// The same for a list of variables: `stack<float>({a, b})`.
template <class T>
Variable<T> stack(std::initializer_list<Variable<T>> parts, Index axis = 0) {
  return stack(std::vector<Variable<T>>(parts), axis);
}

CNNRNN_NAMESPACE_END
