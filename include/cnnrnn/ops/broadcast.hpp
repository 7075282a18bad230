#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/kernels/reduction.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// How many elements apart two neighbours of each axis are in a tensor of that shape.
inline std::array<Index, Shape::max_rank> row_major_strides(const Shape& shape) {
  std::array<Index, Shape::max_rank> strides{};
  Index stride = 1;
  for (Index axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/// The dimension of axis `axis` of a tensor that is broadcast to `rank` axes.
inline Index broadcast_dim(const Shape& shape, Index rank, Index axis) {
  const Index own = axis - (rank - shape.rank());
  return own < 0 ? 1 : shape[own];
}

/// The shape that both are repeated to, as NumPy does it: axes are matched from the last one, and
/// an axis of 1, or one that is not there, is repeated. Throws ShapeError.
inline Shape broadcast_shape(const char* name, const Shape& a, const Shape& b) {
  if (a == b) {
    return a;
  }
  const Index rank = std::max(a.rank(), b.rank());
  std::vector<Index> dims;
  for (Index axis = 0; axis < rank; ++axis) {
    const Index a_dim = broadcast_dim(a, rank, axis);
    const Index b_dim = broadcast_dim(b, rank, axis);
    require<ShapeError>(a_dim == b_dim || a_dim == 1 || b_dim == 1, name,
                        ": expected shapes that are equal or 1 from the last axis on, got ", a,
                        " and ", b);
    dims.push_back(a_dim == 1 ? b_dim : a_dim);
  }
  return Shape(dims);
}

/// The stride of axis `axis` of `whole` in a tensor that is broadcast to it: 0 where it is
/// repeated.
inline Index broadcast_stride(const Shape& shape, const Shape& whole, Index axis) {
  const Index own = axis - (whole.rank() - shape.rank());
  return own < 0 || shape[own] == 1 ? 0 : row_major_strides(shape)[static_cast<std::size_t>(own)];
}

// What names types of the kernels is named after their instruction set too, or one symbol would
// stand for several types where objects for different processors are linked.
inline namespace CNNRNN_ISA {

/// A walk over `whole` beside tensors that are broadcast to it.
template <class... Shapes>
kernels::StridedWalk<sizeof...(Shapes)> broadcast_walk(const Shape& whole,
                                                       const Shapes&... shapes) {
  kernels::StridedWalk<sizeof...(Shapes)> walk;
  for (Index axis = 0; axis < whole.rank(); ++axis) {
    walk.append(whole[axis], {broadcast_stride(shapes, whole, axis)...});
  }
  return walk;
}

/// The steps that sum a tensor of shape `whole` to `shape`, which broadcasts to it: neighbouring
/// axes in one. None when nothing is summed.
inline std::vector<kernels::SumDims> sum_steps(const Shape& whole, const Shape& shape) {
  std::vector<kernels::SumDims> steps;
  Index outer = 1;
  bool summed_before = false;
  for (Index axis = 0; axis < whole.rank(); ++axis) {
    if (whole[axis] == 1) {
      continue;
    }
    const bool summed = broadcast_dim(shape, whole.rank(), axis) == 1;
    if (!summed) {
      outer *= whole[axis];
    } else if (summed_before) {
      steps.back().axis *= whole[axis];
    } else {
      steps.push_back({outer, whole[axis], 1});
    }
    summed_before = summed;
    for (std::size_t step = 0; step + (summed ? 1 : 0) < steps.size(); ++step) {
      steps[step].inner *= whole[axis];
    }
  }
  return steps;
}

}  // namespace CNNRNN_ISA
}  // namespace detail

CNNRNN_NAMESPACE_END
