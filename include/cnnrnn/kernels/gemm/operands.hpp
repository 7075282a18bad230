#pragma once

#include "cnnrnn/core/shape.hpp"

CNNRNN_KERNELS_BEGIN

/// A matrix in memory; its transpose is the same memory with the strides exchanged.
template <class T>
struct MatrixView {
  const T* data;
  Index row_stride;
  Index column_stride;

  const T* at(Index row, Index column) const {
    return data + row * row_stride + column * column_stride;
  }
  MatrixView shifted(Index row, Index column) const {
    return {at(row, column), row_stride, column_stride};
  }
  MatrixView transposed() const { return {data, column_stride, row_stride}; }
};

/// A row-major result, stored or added to, with an optional bias (N) for every row, and with
/// max(., 0) applied at the end if `relu`.
template <class T>
struct GemmOutput {
  T* data;
  Index row_stride;
  bool accumulate = false;
  const T* bias = nullptr;
  bool relu = false;

  GemmOutput shifted(Index row, Index column) const {
    return {data + row * row_stride + column, row_stride, accumulate,
            bias != nullptr ? bias + column : nullptr, relu};
  }

  /// Ends the sum of one element.
  void put(Index row, Index column, T sum) const {
    T& element = data[row * row_stride + column];
    if (accumulate) {
      sum += element;
    } else if (bias != nullptr) {
      sum += bias[column];
    }
    element = relu && sum < T(0) ? T(0) : sum;
  }

  /// The same result between two parts of the sums' length: what the first began, the next go on
  /// with, and the last ends.
  GemmOutput part(bool first, bool last) const {
    return {data, row_stride, accumulate || !first, first ? bias : nullptr, relu && last};
  }
};

inline Index round_up(Index count, Index to) { return (count + to - 1) / to * to; }

CNNRNN_KERNELS_END
