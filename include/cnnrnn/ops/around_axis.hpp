#pragma once

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace detail {

/// A shape around one of its axes: entries before it, along it and behind it.
struct AroundAxis {
  Index outer = 1, size = 1, inner = 1;
};

/// Negative axes count from the end. Throws ShapeError, for the op `name`, unless x has the axis.
inline AroundAxis around_axis(const char* name, const Shape& x, Index axis) {
  require<ShapeError>(axis >= -x.rank() && axis < x.rank(), name, ": expected an axis of ", x,
                      ", got ", axis);
  const Index position = axis < 0 ? axis + x.rank() : axis;
  AroundAxis around{.size = x[position]};
  for (Index other = 0; other < x.rank(); ++other) {
    around.outer *= other < position ? x[other] : 1;
    around.inner *= other > position ? x[other] : 1;
  }
  return around;
}

}  // namespace detail
CNNRNN_NAMESPACE_END
