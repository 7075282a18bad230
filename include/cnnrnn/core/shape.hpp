#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <span>
#include <string>

#include "cnnrnn/core/error.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Sizes, strides and positions. Signed, so that differences and downward loops are safe.
using Index = std::int64_t;

/// The dimensions of a tensor, outermost first; up to six, stored inline. Rank 0 is a scalar.
class Shape {
 public:
  static constexpr Index max_rank = 6;  ///< the most axes a shape can have

  Shape() = default;

  /// Throws ShapeError for more than six dimensions, a negative one, or a product that overflows.
  Shape(std::initializer_list<Index> dims)
      : Shape(std::span<const Index>(dims.begin(), dims.size())) {}

  /// The shape of these lengths. Throws ShapeError for a negative one, or for too many.
  explicit Shape(std::span<const Index> dims) {
    require<ShapeError>(std::ssize(dims) <= max_rank, "shape: expected at most ", max_rank,
                        " dimensions, got ", dims.size());
    for (const Index dim : dims) {
      append(dim);
    }
  }

  /// The number of axes.
  Index rank() const { return rank_; }

  /// Number of elements; 1 for a scalar.
  Index size() const { return size_; }

  /// Dimension `axis`; negative axes count from the end.
  Index operator[](Index axis) const { return dims_[position(axis)]; }

  /// The lengths of the axes.
  std::span<const Index> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }

  /// The same shape with dimension `axis` replaced.
  Shape with(Index axis, Index dim) const {
    auto dims = dims_;
    dims[position(axis)] = dim;
    return Shape(std::span<const Index>(dims.data(), static_cast<std::size_t>(rank_)));
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dims_ == b.dims_;
  }

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '(';
    for (Index axis = 0; axis < shape.rank(); ++axis) {
      out << (axis > 0 ? ", " : "") << shape[axis];
    }
    return out << (shape.rank() == 1 ? ",)" : ")");
  }

 private:
  void append(Index dim) {
    require<ShapeError>(dim >= 0, "shape: expected dimensions of 0 or more, got ", dim);
    require<ShapeError>(dim == 0 || size_ <= std::numeric_limits<Index>::max() / dim,
                        "shape: expected fewer than 2^63 elements, got ", *this, " times ", dim);
    dims_[static_cast<std::size_t>(rank_++)] = dim;
    size_ *= dim;
  }

  std::size_t position(Index axis) const {
    const Index from_front = axis < 0 ? axis + rank_ : axis;
    require<ShapeError>(from_front >= 0 && from_front < rank_, "shape: expected an axis of ", *this,
                        ", got ", axis);
    return static_cast<std::size_t>(from_front);
  }

  std::array<Index, max_rank> dims_{};
  Index rank_ = 0;
  Index size_ = 1;
};

CNNRNN_NAMESPACE_END
