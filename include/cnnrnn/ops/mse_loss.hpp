#pragma once

#include "cnnrnn/ops/pairwise_loss.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of mse_loss.
struct MseLossOptions {
  Reduction reduction = Reduction::mean;  ///< of the elements' losses
};

/// Squared error, (a - b)^2: two of one shape -> scalar, or that shape without a reduction. Saves
/// both. Throws ShapeError.
template <class T>
Variable<T> mse_loss(const Variable<T>& a, const Variable<T>& b,
                     const MseLossOptions& options = {}) {
  return detail::symmetric_loss("mse_loss", a, b, kernels::SquaredError<T>{}, options.reduction);
}

CNNRNN_NAMESPACE_END
