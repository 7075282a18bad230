#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/distributed/shard_sum.hpp"
#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// The state of a model beside its parameters, in a batch of shards: every shard begins with the
/// same buffers, and what they are in the end is the mean over the shards; a generator has other
/// numbers in each shard, and in the end has drawn one. Counters are as after one shard.
template <class T>
class ShardState : private nn::Visitor<T> {
  using A = Accumulator<T>;

 public:
  /// The communicator and the model must outlive it.
  ShardState(const Communicator& processes, nn::Module<T>& model, const ShardPlan& plan)
      : processes_(processes), model_(model), plan_(plan) {}

  /// Notes the state of the model before the first shard.
  void begin_batch() {
    buffers_.clear();
    counters_.clear();
    generators_.clear();
    seen_.clear();
    model_.visit(*this);
    Index size = 0;
    for (const auto& [buffer, before] : buffers_) {
      size += before.size();
    }
    if (!sum_ || size != size_) {
      size_ = size;
      sum_.emplace(processes_, size, 0, Wire::exact, plan_);
    }
  }

  /// Before forward of shard 0, 1, ... of this process.
  void begin_shard(Index shard) {
    for (auto& [buffer, before] : buffers_) {
      set(*buffer, before);
    }
    for (auto& [counter, before] : counters_) {
      set(*counter, before);
    }
    const auto number = static_cast<std::uint64_t>(processes_.rank() * plan_.own + shard);
    for (auto& [generator, seed, after] : generators_) {
      *generator = Random::derived(seed, {number});
    }
  }

  /// After it.
  void end_forward(Index shard) {
    if (size_ == 0) {
      return;
    }
    Tensor<A> values = sum_->blank();
    A* to = values.mutable_data();
    for (const auto& [buffer, before] : buffers_) {
      to = std::copy_n(buffer->data(), buffer->size(), to);
    }
    sum_->add(std::move(values), shard);
  }

  /// The state in the middle of a shard, for another shard to go on first.
  struct Snapshot {
    std::vector<Tensor<A>> buffers;         ///< such as running statistics
    std::vector<Tensor<Index>> counters;    ///< such as num_batches_tracked
    std::vector<Random::State> generators;  ///< those of dropout
  };

  /// The state as it is now.
  Snapshot snapshot() const {
    Snapshot now;
    for (const auto& [buffer, before] : buffers_) {
      now.buffers.push_back(buffer->clone());
    }
    for (const auto& [counter, before] : counters_) {
      now.counters.push_back(counter->clone());
    }
    for (const auto& [generator, seed, after] : generators_) {
      now.generators.push_back(generator->state());
    }
    return now;
  }

  /// Goes on from a snapshot.
  void restore(const Snapshot& snapshot) {
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      set(*buffers_[i].first, snapshot.buffers[i]);
    }
    for (std::size_t i = 0; i < counters_.size(); ++i) {
      set(*counters_[i].first, snapshot.counters[i]);
    }
    for (std::size_t i = 0; i < generators_.size(); ++i) {
      generators_[i].generator->restore(snapshot.generators[i]);
    }
  }

  /// Gives the model the state of all shards of the batch.
  void end_batch() {
    for (auto& [generator, seed, after] : generators_) {
      generator->restore(after);
    }
    if (size_ == 0) {
      return;
    }
    while (!sum_->wait_for_step()) {
    }
    const Tensor<A> mean = sum_->take();
    const A* from = mean.data();
    for (auto& [buffer, before] : buffers_) {
      std::copy_n(from, buffer->size(), buffer->mutable_data());
      from += buffer->size();
    }
  }

 private:
  /// What does not change is left alone: it may be saved for backward.
  template <class U>
  static void set(Tensor<U>& to, const Tensor<U>& from) {
    if (!std::ranges::equal(std::as_const(to).span(), from.span())) {
      to.copy_from(from);
    }
  }

  struct Generator {
    Random* generator;
    std::uint64_t seed;  ///< of this batch
    Random::State after;
  };

  void buffer(const std::string& /*path*/, Tensor<A>& value) override {
    if (seen_.insert(value.data()).second) {
      buffers_.emplace_back(&value, value.clone());
    }
  }
  void counter(const std::string& /*path*/, Tensor<Index>& value) override {
    if (value.defined() && seen_.insert(value.data()).second) {
      counters_.emplace_back(&value, value.clone());
    }
  }
  void random(const std::string& /*path*/, Random& value) override {
    if (seen_.insert(&value).second) {
      const std::uint64_t seed = value.bits();
      generators_.push_back({&value, seed, value.state()});
    }
  }

  const Communicator& processes_;
  nn::Module<T>& model_;
  ShardPlan plan_;
  std::vector<std::pair<Tensor<A>*, Tensor<A>>> buffers_;  ///< with the values of before the batch
  std::vector<std::pair<Tensor<Index>*, Tensor<Index>>> counters_;
  std::vector<Generator> generators_;
  std::set<const void*> seen_;
  Index size_ = 0;
  std::optional<ShardSum<A>> sum_;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
