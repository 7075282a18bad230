#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/distributed/broadcast.hpp"
#include "cnnrnn/distributed/gradient_reducer.hpp"
#include "cnnrnn/distributed/shard_state.hpp"
#include "cnnrnn/distributed/shard_statistics.hpp"
#include "cnnrnn/distributed/turns.hpp"
#include "cnnrnn/train/processes.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// Options of DataParallel.
struct DataParallelOptions {
  Index shards = 0;         ///< of a batch, a power of two; 0: one for each process
  Wire wire = Wire::exact;  ///< how gradients travel

  /// Batch norms use the statistics of the whole batch, not of each shard. The shards of a process
  /// then take turns, each on a thread of its own.
  bool sync_batch_norm = false;
  Index bucket_bytes =
      ReducerOptions{}.bucket_bytes;  ///< bytes of the gradients that travel together
};

/// Trains one model on the processes of a communicator. Each takes some shards of every batch, and
/// all end a step with the same parameters, buffers and generators: the bytes depend on the shards,
/// not on the processes.
///
///   distributed::Communicator processes;
///   distributed::DataParallel<float> parallel(processes, model);
///   train::Trainer<float> trainer(model, adam, loader, test, {.processes = &parallel});
///
/// In a loop written by hand, own() has the loader's shards for this process, one batch a shard:
///
///   for (const auto& [images, labels] : parallel.own(loader)) {
///     parallel.backward([&](Index) { return cross_entropy(model(images), labels); });
///     adam.step();
///   }
template <class T>
class DataParallel : public train::Processes<T> {
 public:
  /// Gives all processes the state of the first one's model. Both arguments must outlive it. Throws
  /// ValueError unless the processes are a power of two and the shards another, not below it, and
  /// CommunicationError where shards are to take turns on threads and MPI allows none.
  DataParallel(const Communicator& processes, nn::Module<T>& model,
               const DataParallelOptions& options = {})
      : processes_(processes),
        plan_(plan_for(processes.size(), options.shards)),
        parameters_(model.parameters()),
        state_(processes, model, plan_),
        reducer_(processes, parameters_, plan_,
                 {.wire = options.wire, .bucket_bytes = options.bucket_bytes}),
        sync_batch_norm_(options.sync_batch_norm) {
    if (sync_batch_norm_ && plan_.own > 1) {
      processes.require_threads();
    }
    distributed::broadcast(processes, model);
  }

  /// The number of this process, from 0 on.
  Index rank() const override { return processes_.rank(); }

  /// How many processes there are.
  Index size() const override { return processes_.size(); }

  /// How many shards a batch has, over all processes.
  Index shards() const override { return plan_.shards; }

  void backward(const std::function<Variable<T>(Index)>& loss) override {
    if (plan_.shards == 1) {
      const Variable<T> value = loss(0);
      for (auto& parameter : parameters_) {
        parameter.zero_grad();
      }
      value.backward();
      return;
    }
    state_.begin_batch();
    if (sync_batch_norm_) {
      run_synchronized(loss);
    } else {
      for (Index shard = 0; shard < plan_.own; ++shard) {
        run_shard(loss, shard);
      }
    }
    reducer_.finish();
    state_.end_batch();
  }

  std::vector<double> gather(std::span<const double> values) override {
    return processes_.gather(values);
  }
  std::string broadcast(const std::string& text, Index from) override {
    return processes_.broadcast(text, from);
  }

  /// What this process has sent of the gradients of the last batch.
  Index bytes_sent() const { return reducer_.bytes_sent(); }

 private:
  void run_shard(const std::function<Variable<T>(Index)>& loss, Index shard) {
    state_.begin_shard(shard);
    const Variable<T> value = loss(shard);
    state_.end_forward(shard);
    reducer_.backward(value, shard);
  }

  void run_synchronized(const std::function<Variable<T>(Index)>& loss) {
    Turns turns(plan_.own, [this](std::span<const double> own) { return processes_.gather(own); });
    if (plan_.own == 1) {
      ShardStatistics<T> statistics(plan_.shards, [&](const std::vector<double>& values) {
        return turns.exchange(0, values);
      });
      run_shard(loss, 0);
      return;
    }
    turns.run([&](Index shard) {
      ShardStatistics<T> statistics(plan_.shards, [&](const std::vector<double>& values) {
        const auto now = pause();
        const auto all = turns.exchange(shard, values);
        resume(now);
        return all;
      });
      for (auto& parameter : parameters_) {
        parameter.zero_grad();
      }
      state_.begin_shard(shard);
      const Variable<T> value = loss(shard);
      state_.end_forward(shard);
      value.backward();
      reducer_.add(shard);
    });
  }

  /// What the shards of a process do not share while they take turns.
  struct Paused {
    typename ShardState<T>::Snapshot state;
    std::vector<Tensor<T>> gradients;
  };

  Paused pause() {
    Paused now{state_.snapshot(), {}};
    for (auto& parameter : parameters_) {
      now.gradients.push_back(parameter.grad());
      parameter.zero_grad();
    }
    return now;
  }

  void resume(const Paused& paused) {
    state_.restore(paused.state);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (parameters_[i].edge()) {  // others are constants
        parameters_[i].edge().gradient() = paused.gradients[i];
      }
    }
  }

  static ShardPlan plan_for(Index processes, Index shards) {
    const auto is_power = [](Index n) {
      return n > 0 && std::has_single_bit(static_cast<std::uint64_t>(n));
    };
    require<ValueError>(is_power(processes),
                        "DataParallel: expected 1, 2, 4, 8, ... processes, got ", processes);
    const Index wanted = shards == 0 ? processes : shards;
    require<ValueError>(
        is_power(wanted) && wanted >= processes,
        "DataParallel: expected a power of two of shards, at least one for each of ", processes,
        " processes, got ", shards);
    return {wanted, wanted / processes};
  }

  const Communicator& processes_;
  ShardPlan plan_;
  std::vector<Variable<T>> parameters_;
  ShardState<T> state_;
  GradientReducer<T> reducer_;
  bool sync_batch_norm_;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
