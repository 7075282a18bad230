#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_KERNELS_BEGIN

/// A walk over the elements of a dense array in their order, beside which `Count` other arrays are
/// read or written at strides of their own: 0 repeats an element along an axis.
template <std::size_t Count>
struct StridedWalk {
  using Offsets = std::array<Index, Count>;

  Index rank = 0;
  std::array<Index, Shape::max_rank> sizes{};
  std::array<Offsets, Shape::max_rank> strides{};

  /// Adds an inner axis, joined with the last one where all strides allow: fewer, longer rows.
  void append(Index size, const Offsets& steps) {
    if (size == 1) {
      return;
    }
    const auto next = static_cast<std::size_t>(rank);
    if (rank > 0 && joins(strides[next - 1], size, steps)) {
      sizes[next - 1] *= size;
      strides[next - 1] = steps;
      return;
    }
    sizes[next] = size;
    strides[next] = steps;
    ++rank;
  }

  Index size() const {
    Index product = 1;
    for (Index axis = 0; axis < rank; ++axis) {
      product *= sizes[static_cast<std::size_t>(axis)];
    }
    return product;
  }

  Index row_size() const { return rank > 0 ? sizes[static_cast<std::size_t>(rank) - 1] : 1; }
  Offsets row_strides() const {
    return rank > 0 ? strides[static_cast<std::size_t>(rank) - 1] : Offsets{};
  }

  /// Where element `column` of row `row` is in the other arrays.
  Offsets offsets(Index row, Index column) const {
    Offsets result{};
    Index left = column;
    for (Index inner = rank - 1; inner >= 0; --inner) {
      const auto axis = static_cast<std::size_t>(inner);
      for (std::size_t array = 0; array < Count; ++array) {
        result[array] += left * strides[axis][array];
      }
      if (axis > 0) {
        left = row % sizes[axis - 1];
        row /= sizes[axis - 1];
      }
    }
    return result;
  }

 private:
  static bool joins(const Offsets& outer, Index size, const Offsets& steps) {
    return std::equal(outer.begin(), outer.end(), steps.begin(),
                      [size](Index outer_step, Index step) { return outer_step == step * size; });
  }
};

/// Calls body(position, count, offsets) for parts of rows on all threads: `count` elements from
/// `position` on, and where the first of them is in the other arrays.
template <std::size_t Count, class Body>
void for_each_row(const StridedWalk<Count>& walk, const Body& body) {
  constexpr Index block = 1 << 14;
  const Index row_size = walk.row_size();
  parallel_for(walk.size(), block, [&](Index begin, Index end) {
    for (Index position = begin; position < end;) {
      const Index column = position % row_size;
      const Index count = std::min(row_size - column, end - position);
      body(position, count, walk.offsets(position / row_size, column));
      position += count;
    }
  });
}

CNNRNN_KERNELS_END
