#pragma once

#include <array>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/reduction.hpp"
#include "cnnrnn/ops/broadcast.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What becomes of an axis that is summed away: nothing, or an axis of 1.
enum class SummedAxes { drop, keep };

namespace detail {

/// x's shape with 1 for each of the axes. Throws ShapeError.
inline Shape with_ones(const char* name, Shape x, const std::vector<Index>& axes) {
  std::array<bool, Shape::max_rank> seen{};
  for (const Index axis : axes) {
    const Index position = axis < 0 ? axis + x.rank() : axis;
    require<ShapeError>(
        position >= 0 && position < x.rank() && !seen[static_cast<std::size_t>(position)], name,
        ": expected axes of ", x, ", each once, got ", axis);
    seen[static_cast<std::size_t>(position)] = true;
  }
  for (const Index axis : axes) {
    x = x.with(axis, 1);
  }
  return x;
}

/// The shape without the axes.
inline Shape without(const Shape& shape, const std::vector<Index>& axes) {
  std::vector<Index> dims(shape.dims().begin(), shape.dims().end());
  for (const Index axis : axes) {
    dims[static_cast<std::size_t>(axis < 0 ? axis + shape.rank() : axis)] = -1;
  }
  std::erase(dims, -1);
  return Shape(dims);
}

inline namespace CNNRNN_ISA {

/// Sums x to the shape `ones` (as x, 1 on the summed axes) and shows the result as `result`.
template <class T>
Variable<T> scaled_sum(const char* name, const Variable<T>& x, const Shape& ones,
                       const Shape& result, Accumulator<T> scale) {
  auto steps = sum_steps(x.shape(), ones);
  if (steps.empty()) {
    steps.push_back({1, 1, x.value().size()});
  }
  Tensor<T> y(result);
  kernels::sum_forward(std::span<const kernels::SumDims>(steps), scale, x.value().data(),
                       GradientSpan<T>{y.mutable_span()});
  const auto walk = broadcast_walk(x.shape(), ones);
  return record<T>(name, {x}, y, [walk, scale](Gradients<T>& g) {
    kernels::sum_backward<T>(walk, scale, g.dy().data(), g.dx());
  });
}

template <class T>
Variable<T> scaled_sum(const char* name, const Variable<T>& x, const std::vector<Index>& axes,
                       SummedAxes summed, Accumulator<T> scale) {
  const Shape ones = with_ones(name, x.shape(), axes);
  return scaled_sum(name, x, ones, summed == SummedAxes::keep ? ones : without(ones, axes), scale);
}

}  // namespace CNNRNN_ISA
}  // namespace detail

/// The sum of all elements, a scalar. Saves nothing.
template <class T>
Variable<T> sum(const Variable<T>& x) {
  return detail::scaled_sum("sum", x, Shape{}, Shape{}, 1);
}

/// The sums over the given axes; negative axes count from the end. Saves nothing. Throws
/// ShapeError.
template <class T>
Variable<T> sum(const Variable<T>& x, const std::vector<Index>& axes,
                SummedAxes summed = SummedAxes::drop) {
  return detail::scaled_sum("sum", x, axes, summed, 1);
}

/// The mean of all elements, a scalar. Saves nothing. Throws ShapeError when there is none.
template <class T>
Variable<T> mean(const Variable<T>& x) {
  require<ShapeError>(x.value().size() > 0, "mean: expected one element or more, got ", x.shape());
  const auto scale = 1 / static_cast<Accumulator<T>>(x.value().size());
  return detail::scaled_sum("mean", x, Shape{}, Shape{}, scale);
}

/// The means over the given axes; negative axes count from the end. Saves nothing. Throws
/// ShapeError.
template <class T>
Variable<T> mean(const Variable<T>& x, const std::vector<Index>& axes,
                 SummedAxes summed = SummedAxes::drop) {
  const Shape ones = detail::with_ones("mean", x.shape(), axes);
  require<ShapeError>(x.value().size() > 0, "mean: expected one element or more, got ", x.shape());
  using A = Accumulator<T>;
  const A scale = static_cast<A>(ones.size()) / static_cast<A>(x.value().size());
  return detail::scaled_sum("mean", x, axes, summed, scale);
}

CNNRNN_NAMESPACE_END
