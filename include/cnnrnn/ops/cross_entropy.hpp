#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"
#include "cnnrnn/ops/in_float.hpp"
#include "cnnrnn/ops/reduction.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of cross_entropy.
struct CrossEntropyOptions {
  double label_smoothing = 0;             ///< share of the target spread evenly over all classes
  std::vector<double> weight = {};        ///< of each class (K); none: 1
  Index ignore_index = -100;              ///< label of the rows that do not count
  Reduction reduction = Reduction::mean;  ///< of the rows' losses
};

namespace detail {

template <class T>
void check_cross_entropy(const char* name, const Shape& logits,
                         const CrossEntropyOptions& options) {
  require<ShapeError>(logits.rank() == 2 && logits.size() > 0, name,
                      ": expected logits (N, K), got ", logits);
  const double s = options.label_smoothing;
  require<ValueError>(s >= 0 && s <= 1, name, ": expected a smoothing of 0 to 1, got ", s);
  const Index classes = logits[1];
  const auto& weight = options.weight;
  require<ValueError>(weight.empty() || std::ssize(weight) == classes, name,
                      ": expected a weight for each of ", classes, " classes, got ", weight.size());
  for (const double w : weight) {
    require<ValueError>(w >= 0 && w <= std::numeric_limits<T>::max(), name,
                        ": expected finite weights of 0 or more, got ", w);
  }
}

template <class T>
void check_cross_entropy(const char* name, const Shape& logits, const Tensor<Index>& labels,
                         const CrossEntropyOptions& options) {
  check_cross_entropy<T>(name, logits, options);
  require<ShapeError>(labels.defined() && labels.shape() == Shape{logits[0]}, name,
                      ": expected labels of shape ", Shape{logits[0]}, ", got ", labels.shape());
  const Index classes = logits[1];
  for (Index row = 0; row < logits[0]; ++row) {
    const Index label = labels.data()[row];
    require<ValueError>((label >= 0 && label < classes) || label == options.ignore_index, name,
                        ": expected labels of 0 to ", classes - 1, ", got ", label, " in row ",
                        row);
  }
}

template <class T>
void check_targets(const Shape& logits, const Tensor<T>& targets) {
  require<ShapeError>(targets.defined() && targets.shape() == logits,
                      "cross_entropy: expected targets of shape ", logits, ", got ",
                      targets.shape());
  for (Index i = 0; i < targets.size(); ++i) {
    const T share = targets.data()[i];
    require<ValueError>(share >= 0 && std::isfinite(share),
                        "cross_entropy: expected finite targets of 0 or more, got ", share,
                        " in row ", i / logits[1]);
  }
}

/// What the sum of the losses is divided by. Where nothing counts it is infinite, which makes the
/// loss and the gradients 0.
template <class T>
double cross_entropy_divisor(const Tensor<Index>& labels, const Tensor<T>& weight,
                             const CrossEntropyOptions& options) {
  if (options.reduction != Reduction::mean) {
    return 1;
  }
  double sum = 0;
  for (const Index label : labels.span()) {
    sum += label == options.ignore_index ? 0 : static_cast<double>(weight.data()[label]);
  }
  return sum > 0 ? sum : std::numeric_limits<double>::infinity();
}

/// The weights of all classes (K): ones if there are none.
template <class T>
Tensor<T> class_weights(Index classes, const std::vector<double>& given) {
  auto weight = Tensor<T>::ones({classes});
  std::transform(given.begin(), given.end(), weight.mutable_data(),
                 [](double w) { return static_cast<T>(w); });
  return weight;
}

}  // namespace detail

/// Cross-entropy of classes (Szegedy et al. 2016 for the smoothing s), with w the weights:
/// loss = -(1 - s) w(label) log p(label) - s / K sum of w(k) log p(k), p = softmax of the logits.
/// As in PyTorch, the mean is the sum of the losses over the sum of the labels' weights. Rows
/// labelled `ignore_index` count in neither; if none counts, the mean and its gradients are 0,
/// where PyTorch has NaN.
///
/// logits (N, K), labels (N) -> scalar, or (N) without a reduction. Saves p and the labels. Throws
/// ShapeError, and ValueError for a label that is not in 0 ... K - 1, a smoothing outside 0 ... 1,
/// or weights that are negative, not finite in T, or not K.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Tensor<Index>& labels,
                          const CrossEntropyOptions& options = {}) {
  const Shape& shape = logits.shape();
  detail::check_cross_entropy<T>("cross_entropy", shape, labels, options);
  const auto weight = detail::class_weights<T>(shape[1], options.weight);
  const kernels::CrossEntropyDims<T> d{
      shape[0], shape[1], options.label_smoothing,
      std::accumulate(weight.span().begin(), weight.span().end(), 0.0), options.ignore_index};
  const double divisor = detail::cross_entropy_divisor(labels, weight, options);
  Tensor<T> p(shape);
  Tensor<T> losses = options.reduction == Reduction::none ? Tensor<T>({d.n}) : Tensor<T>();
  const double sum =
      kernels::cross_entropy_forward(d, logits.value().data(), labels.data(), weight.data(),
                                     p.mutable_data(), losses.mutable_data());
  const Tensor<T> loss =
      losses.defined() ? losses : Tensor<T>::scalar(static_cast<T>(sum / divisor));
  return record<T>("cross_entropy", {logits}, loss,
                   [d, divisor = static_cast<T>(divisor), weight, p = Saved<T>(p),
                    labels = Saved<Index>(labels)](Gradients<T>& g) {
                     kernels::cross_entropy_backward(d, p->data(), labels->data(), weight.data(),
                                                     g.dy().span(), divisor, g.dx());
                   });
}

/// Cross-entropy of soft targets: a share t of each class in each row, as mixed images have them,
/// with w the weights and s the smoothing: loss = -sum of q(k) log p(k), q = w ((1 - s) t + s / K),
/// p = softmax of the logits. As in PyTorch, shares need not add up to 1, `ignore_index` has no
/// meaning, and the mean is over the rows.
///
/// logits (N, K), targets (N, K) -> scalar, or (N) without a reduction. Targets get no gradient.
/// Saves p and q. Throws ShapeError, and ValueError for a target that is negative or not finite,
/// and for options as above.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Tensor<T>& targets,
                          const CrossEntropyOptions& options = {}) {
  const Shape& shape = logits.shape();
  detail::check_cross_entropy<T>("cross_entropy", shape, options);
  detail::check_targets(shape, targets);
  const kernels::SoftCrossEntropyDims d{shape[0], shape[1], options.label_smoothing};
  Tensor<T> p(shape);
  Tensor<T> q(shape);
  Tensor<T> losses = options.reduction == Reduction::none ? Tensor<T>({d.n}) : Tensor<T>();
  const double sum = kernels::soft_cross_entropy_forward(
      d, logits.value().data(), targets.data(),
      detail::class_weights<T>(d.k, options.weight).data(), p.mutable_data(), q.mutable_data(),
      losses.mutable_data());
  const auto divisor = static_cast<T>(options.reduction == Reduction::mean ? d.n : 1);
  const Tensor<T> loss =
      losses.defined() ? losses
                       : Tensor<T>::scalar(static_cast<T>(sum / static_cast<double>(divisor)));
  return record<T>("cross_entropy", {logits}, loss,
                   [d, divisor, p = Saved<T>(p), q = Saved<T>(q)](Gradients<T>& g) {
                     kernels::soft_cross_entropy_backward(d, p->data(), q->data(), g.dy().span(),
                                                          divisor, g.dx());
                   });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> cross_entropy(const Variable<T>& logits,
                                                  const Tensor<Index>& labels,
                                                  const CrossEntropyOptions& options = {}) {
  return detail::one_in_float<T>("cross_entropy", {logits}, [&](const auto& v) {
    return cross_entropy(v[0], labels, options);
  });
}

/// The same of bfloat16, computed in float.
template <class T>
requires is_bfloat16<T> Variable<T> cross_entropy(const Variable<T>& logits,
                                                  const Tensor<T>& targets,
                                                  const CrossEntropyOptions& options = {}) {
  return detail::one_in_float<T>("cross_entropy", {logits}, [&](const auto& v) {
    return cross_entropy(v[0], kernels::widened(targets), options);
  });
}

CNNRNN_NAMESPACE_END
