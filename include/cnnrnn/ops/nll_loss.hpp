#pragma once

#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/reduction.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of nll_loss.
struct NllLossOptions {
  std::vector<double> weight = {};        ///< of each class (K); none: 1
  Index ignore_index = -100;              ///< label of the rows that do not count
  Reduction reduction = Reduction::mean;  ///< of the rows' losses
};

/// Negative log-likelihood, -w(label) log p(label): with log_softmax before it, cross_entropy. The
/// mean and ignored labels are those of cross_entropy.
///
/// log p (N, K), labels (N) -> scalar, or (N) without a reduction. Saves the labels. Throws
/// ShapeError and ValueError as cross_entropy.
template <class T>
Variable<T> nll_loss(const Variable<T>& log_p, const Tensor<Index>& labels,
                     const NllLossOptions& options = {}) {
  const CrossEntropyOptions like{.weight = options.weight,
                                 .ignore_index = options.ignore_index,
                                 .reduction = options.reduction};
  detail::check_cross_entropy<T>("nll_loss", log_p.shape(), labels, like);
  const auto weight = detail::class_weights<T>(log_p.dim(1), options.weight);
  const double divisor = detail::cross_entropy_divisor(labels, weight, like);
  const kernels::NllLossDims d{log_p.dim(0), log_p.dim(1), options.ignore_index};
  Tensor<T> losses = options.reduction == Reduction::none ? Tensor<T>({d.n}) : Tensor<T>();
  const double sum =
      kernels::nll_loss_forward(d, log_p.value().data(), labels.data(), weight.data(),
                                losses.defined() ? losses.mutable_data() : nullptr);
  const Tensor<T> loss =
      losses.defined() ? losses : Tensor<T>::scalar(static_cast<T>(sum / divisor));
  return record<T>("nll_loss", {log_p}, loss,
                   [d, divisor = static_cast<T>(divisor), weight,
                    labels = Saved<Index>(labels)](Gradients<T>& g) {
                     kernels::nll_loss_backward(d, labels->data(), weight.data(), g.dy().span(),
                                                divisor, g.dx());
                   });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> nll_loss(const Variable<T>& log_p, const Tensor<Index>& labels,
                                             const NllLossOptions& options = {}) {
  return detail::one_in_float<T>("nll_loss", {log_p},
                                 [&](const auto& v) { return nll_loss(v[0], labels, options); });
}

CNNRNN_NAMESPACE_END
