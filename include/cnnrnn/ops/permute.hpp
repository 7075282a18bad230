#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"
#include "cnnrnn/ops/broadcast.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The axes from the front, each one once. Throws ShapeError.
inline std::vector<Index> checked_permutation(const Shape& x, const std::vector<Index>& given) {
  std::vector<Index> axes;
  bool valid = std::ssize(given) == x.rank();
  std::array<bool, Shape::max_rank> seen{};
  for (const Index axis : given) {
    axes.push_back(axis < 0 ? axis + x.rank() : axis);
    valid = valid && axes.back() >= 0 && axes.back() < x.rank() &&
            !std::exchange(seen[static_cast<std::size_t>(axes.back())], true);
  }
  if (!valid) {
    std::string got;
    for (const Index axis : given) {
      got += to_message(got.empty() ? "" : ", ", axis);
    }
    throw ShapeError(to_message("permute: expected every axis of ", x, " once, got {", got, "}"));
  }
  return axes;
}

}  // namespace detail

/// The axes in another order: axis k of y is axis axes[k] of x; negative axes count from the end.
///
/// A copy. Saves nothing. Throws ShapeError unless every axis is named once.
template <class T>
Variable<T> permute(const Variable<T>& x, const std::vector<Index>& axes) {
  const auto strides = detail::row_major_strides(x.shape());
  kernels::StridedWalk<1> walk;
  std::vector<Index> dims;
  for (const Index axis : detail::checked_permutation(x.shape(), axes)) {
    dims.push_back(x.dim(axis));
    walk.append(x.dim(axis), {strides[static_cast<std::size_t>(axis)]});
  }
  Tensor<T> y((Shape(dims)));
  kernels::permute_forward(walk, x.value().data(), y.mutable_data());
  return record<T>("permute", {x}, y, [walk](Gradients<T>& g) {
    kernels::permute_backward(walk, g.dy().data(), g.dx());
  });
}

CNNRNN_NAMESPACE_END
