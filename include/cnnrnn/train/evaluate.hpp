#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/train/metrics.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// The loss of a batch: logits (N, K), labels (N,) -> scalar, the mean over the batch or the sum.
/// Any function of these is one, and may say which label it ignores: metrics leave that out too.
/// For batches with soft targets (N, K) it needs another function, of those.
template <class T>
class LossFunction {
 public:
  /// Mean loss of logits (N, K) and labels (N,).
  using Function = std::function<Variable<T>(const Variable<T>&, const Tensor<Index>&)>;

  /// Mean loss of logits (N, K) and shares of each class (N, K).
  using TargetFunction = std::function<Variable<T>(const Variable<T>&, const Tensor<T>&)>;

  /// A loss of labels, or of shares of each class as well.
  template <class F>
  requires(!std::is_same_v<F, LossFunction> && std::is_constructible_v<Function, F>)
      LossFunction(F function, Index ignore_index = -100,  // NOLINT: any function is one
                   TargetFunction of_targets = {}, Reduction reduction = Reduction::mean)
      : function_(std::move(function)),
        of_targets_(std::move(of_targets)),
        ignore_index_(ignore_index),
        reduction_(reduction) {
    require<ValueError>(reduction != Reduction::none,
                        "LossFunction: expected the mean or the sum over a batch, got no "
                        "reduction");
  }

  /// The mean loss of a batch.
  Variable<T> operator()(const Variable<T>& logits, const Tensor<Index>& labels) const {
    return function_(logits, labels);
  }

  /// Of the batch's targets where it has some, else of its labels. Throws ValueError for targets
  /// without a function of them.
  Variable<T> operator()(const Variable<T>& logits, const data::Batch<T>& batch) const {
    if (!batch.targets.defined()) {
      return function_(logits, batch.labels);
    }
    require<ValueError>(static_cast<bool>(of_targets_),
                        "loss: expected a function of targets for a batch of mixed images, got one "
                        "of labels alone");
    return of_targets_(logits, batch.targets);
  }

  /// The mean loss over `count` images, of which the loss is `value`.
  double mean(double value, Index count) const {
    return reduction_ == Reduction::mean || count == 0 ? value : value / static_cast<double>(count);
  }

  /// The label that does not count.
  Index ignore_index() const { return ignore_index_; }

 private:
  Function function_;
  TargetFunction of_targets_;
  Index ignore_index_;
  Reduction reduction_;
};

/// Cross-entropy of labels, and of targets where a batch has some: the mean over a batch, or the
/// sum. Throws ValueError without a reduction.
template <class T>
LossFunction<T> cross_entropy_loss(const CrossEntropyOptions& options = {}) {
  require<ValueError>(options.reduction != Reduction::none,
                      "cross_entropy_loss: expected the mean or the sum over a batch, got no "
                      "reduction");
  return {[options](const Variable<T>& logits, const Tensor<Index>& labels) {
            return cross_entropy(logits, labels, options);
          },
          options.ignore_index,
          [options](const Variable<T>& logits, const Tensor<T>& targets) {
            return cross_entropy(logits, targets, options);
          },
          options.reduction};
}

namespace detail {

/// Puts a module into evaluation mode, and it and each of its parts back into the mode it had: a
/// part may be frozen.
template <class T>
class EvaluationMode : private nn::Visitor<T> {
 public:
  explicit EvaluationMode(nn::Module<T>& module) {
    this->module("", module);
    module.eval();
  }
  ~EvaluationMode() override {
    for (const auto& [part, training] : before_) {  // a part comes after what holds it
      part->train(training);
    }
  }

 private:
  void module(const std::string& /*path*/, nn::Module<T>& part) override {
    before_.emplace_back(&part, part.training());
    part.visit(*this);
  }

  std::vector<std::pair<nn::Module<T>*, bool>> before_;
};

}  // namespace detail

/// Loss and accuracy of a model on what a loader gives, in evaluation mode and without a graph; the
/// model gets its mode back. Batches weigh by the images whose labels count. None when `stop` says
/// so between two batches.
template <class T>
std::optional<RunningMetrics> evaluate_until(nn::Layer<T>& model, const data::Loader<T>& loader,
                                             const LossFunction<T>& loss,
                                             const std::function<bool()>& stop) {
  const NoGradGuard no_grad;
  const detail::EvaluationMode<T> mode(model);
  RunningMetrics metrics;
  for (const auto& batch : loader) {
    if (stop && stop()) {
      return std::nullopt;
    }
    const Variable<T> logits = model(Variable<T>(batch.images));
    const Index count = count_labels(batch.labels, loss.ignore_index());
    metrics.add(loss.mean(static_cast<double>(loss(logits, batch).item()), count),
                count_correct(logits.value(), batch.labels, loss.ignore_index()), count);
  }
  return metrics;
}

/// The same to the end. Throws NumericError when the loss is not finite, unless no label counts.
template <class T>
RunningMetrics evaluate(
    nn::Layer<T>& model, const data::Loader<T>& loader,
    const std::type_identity_t<LossFunction<T>>& loss = cross_entropy_loss<T>()) {
  const RunningMetrics metrics = *evaluate_until(model, loader, loss, {});
  require<NumericError>(std::isfinite(metrics.loss_sum), "evaluate: expected a finite loss, got ",
                        metrics.loss());
  return metrics;
}

}  // namespace train
CNNRNN_NAMESPACE_END
