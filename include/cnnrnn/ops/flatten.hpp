#pragma once

#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// All axes but the first as one, in PyTorch's order, so that the dense layer behind it has
/// PyTorch's weights: (N, H, W, C) -> (N, C H W), channel by channel; others, (N, ...) -> (N,
/// rest), as they lie. Saves nothing. Throws ShapeError for a rank below 2.
template <class T>
Variable<T> flatten(const Variable<T>& x) {
  require<ShapeError>(x.rank() >= 2, "flatten: expected a rank of 2 or more, got ", x.shape());
  Index features = 1;
  for (Index axis = 1; axis < x.rank(); ++axis) {
    features *= x.dim(axis);
  }
  const bool image = x.rank() == 4;
  return reshape(image ? permute(x, {0, 3, 1, 2}) : x, {x.dim(0), features});
}

CNNRNN_NAMESPACE_END
