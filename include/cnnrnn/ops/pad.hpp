#pragma once

#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"
#include "cnnrnn/ops/broadcast.hpp"

CNNRNN_NAMESPACE_BEGIN

/// How many elements are put before and behind an axis.
struct Padding {
  Index before = 0;  ///< elements in front
  Index after = 0;   ///< elements behind
};

namespace detail {

/// Throws ShapeError unless there is a padding for each axis, ValueError for a negative one.
inline Shape padded_shape(const Shape& x, const std::vector<Padding>& paddings) {
  require<ShapeError>(std::ssize(paddings) == x.rank(), "pad: expected a padding for each axis of ",
                      x, ", got ", paddings.size());
  Shape y = x;
  for (Index axis = 0; axis < x.rank(); ++axis) {
    const auto& [before, after] = paddings[static_cast<std::size_t>(axis)];
    require<ValueError>(before >= 0 && after >= 0, "pad: expected paddings of 0 or more, got ",
                        before, " and ", after, " for axis ", axis);
    y = y.with(axis, before + x[axis] + after);
  }
  return y;
}

}  // namespace detail

/// Puts `value` around x: a padding for each axis, `pad(x, {{0, 0}, {1, 1}, {1, 1}, {0, 16}})`.
///
/// Saves nothing. Throws ShapeError for another number of paddings, ValueError for a negative one.
template <class T>
Variable<T> pad(const Variable<T>& x, const std::vector<Padding>& paddings,
                Accumulator<T> value = 0) {
  Tensor<T> y(detail::padded_shape(x.shape(), paddings));
  const auto strides = detail::row_major_strides(y.shape());
  kernels::PadDims d{{}, 0};
  for (Index axis = 0; axis < x.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    d.walk.append(x.dim(axis), {strides[i]});
    d.first += paddings[i].before * strides[i];
  }
  kernels::pad_forward(d, x.value().data(), static_cast<T>(value), y.mutable_span());
  return record<T>("pad", {x}, y,
                   [d](Gradients<T>& g) { kernels::pad_backward(d, g.dy().data(), g.dx()); });
}

CNNRNN_NAMESPACE_END
