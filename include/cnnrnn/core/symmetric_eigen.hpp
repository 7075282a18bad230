#pragma once

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "cnnrnn/core/eigen.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The eigenvalues (K) of a symmetric matrix, the largest first, and its eigenvectors of length 1,
/// the rows of (K, K). The element of a vector that is largest in size is positive.
struct SymmetricEigen {
  Tensor<double> values;   ///< (K), the largest first
  Tensor<double> vectors;  ///< (K, K), an eigenvector in each row
};

/// Decomposes a symmetric matrix (K, K), of which the lower half is read, by Eigen's
/// SelfAdjointEigenSolver. Opt-in: its header takes seconds to compile. Throws ShapeError unless
/// the matrix is square, NumericError unless it is finite.
inline SymmetricEigen symmetric_eigen(const Tensor<double>& matrix) {
  require<ShapeError>(matrix.rank() == 2 && matrix.dim(0) == matrix.dim(1) && matrix.size() > 0,
                      "symmetric_eigen: expected a square matrix, got ", matrix.shape());
  const Index size = matrix.dim(0);
  const Eigen::SelfAdjointEigenSolver<EigenMatrix<double>> solver(as_eigen(matrix));
  constexpr Eigen::ComputationInfo success{};  // X11 has a macro of its name
  require<NumericError>(solver.info() == success && std::isfinite(solver.eigenvalues()[0]),
                        "symmetric_eigen: expected a finite matrix, got one that has no "
                        "eigenvalues");
  SymmetricEigen result{Tensor<double>({size}), Tensor<double>({size, size})};
  double* row = result.vectors.mutable_data();
  for (Index k = 0; k < size; ++k, row += size) {
    const Index rising = size - 1 - k;
    result.values.mutable_at(k) = solver.eigenvalues()[rising];
    for (Index i = 0; i < size; ++i) {
      row[i] = solver.eigenvectors()(i, rising);
    }
    const double largest = *std::max_element(
        row, row + size, [](double a, double b) { return std::abs(a) < std::abs(b); });
    std::transform(row, row + size, row,
                   [largest](double value) { return largest < 0 ? -value : value; });
  }
  return result;
}

CNNRNN_NAMESPACE_END
