#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/train/evaluate.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// The processes that train one model together, as a trainer sees them; `distributed/` has those of
/// MPI. Each has a rank and a copy of the model. A batch is cut into shards, of which a process
/// takes `shards() / size()` in a row. All functions but the getters must be called by all
/// processes, in the same order.
template <class T>
class Processes {
 public:
  virtual ~Processes() = default;
  Processes() = default;
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  /// The number of this process, from 0 on.
  virtual Index rank() const = 0;

  /// How many processes there are.
  virtual Index size() const = 0;

  /// How many shards a batch has, over all processes.
  virtual Index shards() const = 0;

  /// Whether this process speaks and writes for all.
  bool leads() const { return rank() == 0; }

  /// How many shards this process takes of each batch.
  Index own_shards() const { return shards() / size(); }

  /// The first of them.
  Index first_shard() const { return rank() * own_shards(); }

  /// What this process takes of a loader, shard by shard, each a batch of its own. Throws
  /// ValueError for batches that cannot be cut: see Loader::shards.
  data::Loader<T> own(const data::Loader<T>& loader) const {
    return shards() == 1 ? loader : loader.shards(shards(), first_shard(), own_shards());
  }

  /// Runs loss(k), forward, for each shard k = 0, 1, ... of this process, and backward: the
  /// parameters get the gradient of the mean loss over all shards, in place of what they had.
  virtual void backward(const std::function<Variable<T>(Index)>& loss) = 0;

  /// The values of all processes, of which each has as many, in the order of their ranks.
  virtual std::vector<double> gather(std::span<const double> values) = 0;

  /// The text that the process of a rank has.
  virtual std::string broadcast(const std::string& text, Index from) = 0;

  /// Whether something holds in any process.
  bool any(bool here) {
    const double value = here ? 1 : 0;
    return std::ranges::any_of(gather({&value, 1}), [](double there) { return there != 0; });
  }
};

namespace detail {

/// What is measured of a batch, as processes tell it to each other.
struct BatchMetrics {
  static constexpr std::size_t numbers = 3;

  double mean_loss = 0;
  Index correct = 0;
  Index count = 0;

  void append_to(std::vector<double>& values) const {
    values.insert(values.end(),
                  {mean_loss, static_cast<double>(correct), static_cast<double>(count)});
  }
  static BatchMetrics from(const double* values) {
    return {values[0], static_cast<Index>(values[1]), static_cast<Index>(values[2])};
  }
  void add_to(RunningMetrics& metrics) const { metrics.add(mean_loss, correct, count); }
};

template <class T>
BatchMetrics measure(const LossFunction<T>& loss, double value, const Tensor<T>& logits,
                     const Tensor<Index>& labels) {
  const Index ignored = loss.ignore_index();
  const Index count = count_labels(labels, ignored);
  return {loss.mean(value, count), count_correct(logits, labels, ignored), count};
}

/// One round of an evaluation: each process tells of a batch if it has one left.
struct Round {
  bool stop = false;
  std::optional<BatchMetrics> batch;

  std::vector<double> values() const {
    std::vector<double> values{stop ? 1.0 : 0.0, batch ? 1.0 : 0.0};
    batch.value_or(BatchMetrics{}).append_to(values);
    return values;
  }
  /// Adds what all processes told; false when one of them wants to stop.
  static bool add(const std::vector<double>& told, RunningMetrics& metrics) {
    constexpr std::size_t numbers = 2 + BatchMetrics::numbers;
    bool go_on = true;
    for (std::size_t at = 0; at < told.size(); at += numbers) {
      go_on = go_on && told[at] == 0;
      if (told[at + 1] != 0) {
        BatchMetrics::from(&told[at + 2]).add_to(metrics);
      }
    }
    return go_on;
  }
};

}  // namespace detail

/// As evaluate_until, with the batches shared among processes. The sums are those of one process,
/// in the order of the batches, on every process. None when `stop` says so in any process.
template <class T>
std::optional<RunningMetrics> evaluate_until(Processes<T>& processes, nn::Layer<T>& model,
                                             const data::Loader<T>& loader,
                                             const LossFunction<T>& loss,
                                             const std::function<bool()>& stop) {
  const NoGradGuard no_grad;
  const detail::EvaluationMode<T> mode(model);
  const auto own = loader.every(processes.size(), processes.rank());
  auto pass = own.begin();
  RunningMetrics metrics;
  const Index rounds = (loader.batches() + processes.size() - 1) / processes.size();
  for (Index i = 0; i < rounds; ++i) {
    detail::Round round{.stop = stop && stop(), .batch = {}};
    if (pass != own.end()) {
      const auto& batch = *pass;
      const Variable<T> logits = model(Variable<T>(batch.images));
      round.batch = detail::measure(loss, static_cast<double>(loss(logits, batch).item()),
                                    logits.value(), batch.labels);
      ++pass;
    }
    if (!detail::Round::add(processes.gather(round.values()), metrics)) {
      return std::nullopt;
    }
  }
  return metrics;
}

/// The same to the end. Throws NumericError when the loss is not finite, unless no label counts.
template <class T>
RunningMetrics evaluate(
    Processes<T>& processes, nn::Layer<T>& model, const data::Loader<T>& loader,
    const std::type_identity_t<LossFunction<T>>& loss = cross_entropy_loss<T>()) {
  const RunningMetrics metrics = *evaluate_until(processes, model, loader, loss, {});
  require<NumericError>(std::isfinite(metrics.loss_sum), "evaluate: expected a finite loss, got ",
                        metrics.loss());
  return metrics;
}

}  // namespace train
CNNRNN_NAMESPACE_END
