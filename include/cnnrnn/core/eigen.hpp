#pragma once

#include "cnnrnn/core/eigen_headers.hpp"
#include "cnnrnn/core/tensor.hpp"

// Opt-in: the library itself keeps Eigen's matrices out of its interfaces, since their alignment
// depends on the compiler's flags. These maps are unaligned, and safe with any.

CNNRNN_NAMESPACE_BEGIN

/// A matrix of Eigen in the row-major order of tensors.
template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A tensor (..., C) as an Eigen matrix (rows, C) over the same memory; a scalar is (1, 1). The
/// tensor must outlive it.
template <class T>
Eigen::Map<const EigenMatrix<T>> as_eigen(const Tensor<T>& tensor) {
  const Index columns = tensor.rank() > 0 ? tensor.dim(-1) : 1;
  return {tensor.data(), columns > 0 ? tensor.size() / columns : 0, columns};
}

/// The same for writing.
template <class T>
Eigen::Map<EigenMatrix<T>> as_mutable_eigen(Tensor<T>& tensor) {
  const Index columns = tensor.rank() > 0 ? tensor.dim(-1) : 1;
  return {tensor.mutable_data(), columns > 0 ? tensor.size() / columns : 0, columns};
}

/// A tensor (rows, columns) with a copy of any Eigen expression's values.
template <class Derived>
Tensor<typename Derived::Scalar> from_eigen(const Eigen::MatrixBase<Derived>& matrix) {
  Tensor<typename Derived::Scalar> tensor({matrix.rows(), matrix.cols()});
  as_mutable_eigen(tensor) = matrix;
  return tensor;
}

CNNRNN_NAMESPACE_END
