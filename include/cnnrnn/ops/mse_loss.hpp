#pragma once

#include "cnnrnn/ops/in_float.hpp"
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

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> mse_loss(const Variable<T>& a, const Variable<T>& b,
                                             const MseLossOptions& options = {}) {
  return detail::one_in_float<T>("mse_loss", {a, b},
                                 [&](const auto& v) { return mse_loss(v[0], v[1], options); });
}

CNNRNN_NAMESPACE_END
