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

/// The mean loss over a batch: logits (N, K), labels (N,) -> scalar. Any function of these is one,
/// and may say which label it ignores: metrics leave that out too.
template <class T>
class LossFunction {
 public:
  using Function = std::function<Variable<T>(const Variable<T>&, const Tensor<Index>&)>;

  template <class F>
  requires(!std::is_same_v<F, LossFunction> && std::is_constructible_v<Function, F>)
      LossFunction(F function, Index ignore_index = -100)  // NOLINT: any function is one
      : function_(std::move(function)), ignore_index_(ignore_index) {}

  Variable<T> operator()(const Variable<T>& logits, const Tensor<Index>& labels) const {
    return function_(logits, labels);
  }

  Index ignore_index() const { return ignore_index_; }

 private:
  Function function_;
  Index ignore_index_;
};

/// Throws ValueError for another reduction than the mean.
template <class T>
LossFunction<T> cross_entropy_loss(const CrossEntropyOptions& options = {}) {
  require<ValueError>(options.reduction == Reduction::mean,
                      "cross_entropy_loss: expected the mean over a batch, got another reduction");
  return {[options](const Variable<T>& logits, const Tensor<Index>& labels) {
            return cross_entropy(logits, labels, options);
          },
          options.ignore_index};
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
  for (const auto& [images, labels] : loader) {
    if (stop && stop()) {
      return std::nullopt;
    }
    const Variable<T> logits = model(Variable<T>(images));
    metrics.add(static_cast<double>(loss(logits, labels).item()),
                count_correct(logits.value(), labels, loss.ignore_index()),
                count_labels(labels, loss.ignore_index()));
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
