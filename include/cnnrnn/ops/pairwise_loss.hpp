#pragma once

#include <cmath>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/reduction.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of l1_loss.
struct L1LossOptions {
  Reduction reduction = Reduction::mean;  ///< of the elements' losses
};

/// Options of binary_cross_entropy_with_logits.
struct BinaryCrossEntropyOptions {
  double positive_weight = 1;  ///< of the targets of 1: PyTorch's pos_weight, one for all
  Reduction reduction = Reduction::mean;  ///< of the elements' losses
};

namespace detail {

/// The reduced losses of two arrays, and what their sum has been divided by.
template <class T>
struct ReducedLoss {
  Tensor<T> loss;
  T divisor;

  template <class Kind>
  ReducedLoss(const char* name, const Tensor<T>& a, const Tensor<T>& b, const Kind& error,
              Reduction reduction) {
    require<ShapeError>(a.shape() == b.shape(), name, ": expected two of the same shape, got ",
                        a.shape(), " and ", b.shape());
    require<ShapeError>(a.size() > 0, name, ": expected one element or more, got ", a.shape());
    divisor = static_cast<T>(reduction == Reduction::mean ? a.size() : 1);
    Tensor<T> losses = reduction == Reduction::none ? Tensor<T>(a.shape()) : Tensor<T>();
    const double sum = kernels::pairwise_loss_forward(
        a.span(), b.span(), error, losses.defined() ? losses.mutable_data() : nullptr);
    loss = losses.defined() ? losses
                            : Tensor<T>::scalar(static_cast<T>(sum / static_cast<double>(divisor)));
  }
};

/// The loss of an error that is the same when a and b change places.
template <class T, class Kind>
Variable<T> symmetric_loss(const char* name, const Variable<T>& a, const Variable<T>& b,
                           const Kind& error, Reduction reduction) {
  const ReducedLoss<T> reduced(name, a.value(), b.value(), error, reduction);
  return record<T>(
      name, {a, b}, reduced.loss,
      [error, divisor = reduced.divisor, a = Saved<T>(a.value()),
       b = Saved<T>(b.value())](Gradients<T>& g) {
        const auto dy = g.dy().span();
        kernels::pairwise_loss_backward(a->span(), b->span(), error, dy, divisor, g.dx(0));
        kernels::pairwise_loss_backward(b->span(), a->span(), error, dy, divisor, g.dx(1));
      });
}

}  // namespace detail

/// Absolute error, |a - b|: two of one shape -> scalar, or that shape without a reduction. The
/// gradient where they are equal is 0. Saves both. Throws ShapeError.
template <class T>
Variable<T> l1_loss(const Variable<T>& a, const Variable<T>& b, const L1LossOptions& options = {}) {
  return detail::symmetric_loss("l1_loss", a, b, kernels::AbsoluteError<T>{}, options.reduction);
}

/// Cross-entropy of yes or no: -(w t ln p + (1 - t) ln(1 - p)) with p = sigmoid of the logit and w
/// the positive weight, without overflow for logits of any size.
///
/// logits and targets t of one shape, the targets from 0 to 1 -> scalar, or that shape without a
/// reduction. Saves both. Throws ShapeError, and ValueError for a weight below 0.
template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logits, const Tensor<T>& targets,
                                             const BinaryCrossEntropyOptions& options = {}) {
  constexpr const char* name = "binary_cross_entropy_with_logits";
  require<ValueError>(options.positive_weight >= 0 && std::isfinite(options.positive_weight), name,
                      ": expected a positive weight of 0 or more, got ", options.positive_weight);
  const kernels::LogisticError<T> error{options.positive_weight};
  const detail::ReducedLoss<T> reduced(name, logits.value(), targets, error, options.reduction);
  return record<T>(name, {logits}, reduced.loss,
                   [error, divisor = reduced.divisor, logits = Saved<T>(logits.value()),
                    targets = Saved<T>(targets)](Gradients<T>& g) {
                     kernels::pairwise_loss_backward(logits->span(), targets->span(), error,
                                                     g.dy().span(), divisor, g.dx());
                   });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> l1_loss(const Variable<T>& a, const Variable<T>& b,
                                            const L1LossOptions& options = {}) {
  return detail::one_in_float<T>("l1_loss", {a, b},
                                 [&](const auto& v) { return l1_loss(v[0], v[1], options); });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> binary_cross_entropy_with_logits(
    const Variable<T>& logits, const Tensor<T>& targets,
    const BinaryCrossEntropyOptions& options = {}) {
  return detail::one_in_float<T>("binary_cross_entropy_with_logits", {logits}, [&](const auto& v) {
    return binary_cross_entropy_with_logits(v[0], kernels::widened(targets), options);
  });
}

CNNRNN_NAMESPACE_END
