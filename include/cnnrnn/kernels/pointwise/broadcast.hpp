#pragma once

#include <type_traits>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"
#include "cnnrnn/kernels/reduction/sum.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Calls body with the stride, 0 or 1, as a constant, so that the loop inside is vectorised.
template <class Body>
void with_constant_stride(Index stride, const Body& body) {
  if (stride == 0) {
    body(std::integral_constant<Index, 0>{});
  } else {
    body(std::integral_constant<Index, 1>{});
  }
}

}  // namespace detail

/// y = operation(a, b); the walk goes over y and holds the strides of a and b.
template <class T, class Operation>
void broadcast_forward(const StridedWalk<2>& walk, const T* a, const T* b, T* y,
                       const Operation& operation) {
  const auto strides = walk.row_strides();
  detail::with_constant_stride(strides[0], [&](auto a_stride) {
    detail::with_constant_stride(strides[1], [&](auto b_stride) {
      for_each_row(walk, [&](Index position, Index count, const auto& offsets) {
        const T* const a_row = a + offsets[0];
        const T* const b_row = b + offsets[1];
        for (Index i = 0; i < count; ++i) {
          y[position + i] = static_cast<T>(operation(a_row[i * a_stride], b_row[i * b_stride]));
        }
      });
    });
  });
}

/// dx = scale * dy, summed along the axes on which x was repeated, in the given steps.
template <class T>
void add_backward(const std::vector<SumDims>& steps, Accumulator<T> scale, const T* dy,
                  GradientSpan<T> dx) {
  sum_forward(std::span(steps), scale, dy, dx);
}

/// dx = dy * other, summed along the axes on which x was repeated, in the given steps; the walk
/// goes over dy and holds the strides of the other factor.
template <class T>
void mul_backward(const StridedWalk<1>& walk, const std::vector<SumDims>& steps, const T* other,
                  const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const auto multiply = [&]<class To>(To* to, bool accumulate) {
    detail::with_constant_stride(walk.row_strides()[0], [&](auto stride) {
      for_each_row(walk, [&](Index position, Index count, const auto& offsets) {
        const T* const other_row = other + offsets[0];
        To* const to_row = to + position;
        for (Index i = 0; i < count; ++i) {
          const Accumulator<T> product = dy[position + i] * other_row[i * stride];
          to_row[i] = static_cast<To>(accumulate ? to_row[i] + product : product);
        }
      });
    });
  };
  if (steps.empty()) {
    multiply(dx.data(), dx.accumulate);
    return;
  }
  // A tensor: its memory is neither cleared nor new to the process, as a vector's is.
  Tensor<Accumulator<T>> products({walk.size()});
  multiply(products.mutable_data(), false);
  sum_forward(std::span(steps), 1, products.data(), dx);
}

CNNRNN_KERNELS_END
