#pragma once

#include <optional>
#include <utility>

#include "cnnrnn/distributed/tree_sum.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// How a batch is cut: in `shards` equal parts, of which each process has `own` in a row.
struct ShardPlan {
  Index shards = 1;  ///< of a batch, over all processes
  Index own = 1;     ///< of this process
};

/// The mean of a vector over all shards of a batch. A process gives the values of its shards, one
/// after the other; behind the last the sum over the processes begins.
template <class T>
class ShardSum {
 public:
  /// The communicator must outlive it. For the tag see TreeSum.
  ShardSum(const Communicator& processes, Index size, int tag, Wire wire, const ShardPlan& plan)
      : processes_(processes),
        size_(TreeSum<T>::padded(size, processes.size())),
        tag_(tag),
        wire_(wire),
        plan_(plan) {}

  /// Zeros for the values of a shard; more than there are, if the processes need it so.
  Tensor<T> blank() const { return Tensor<T>::zeros({size_}); }

  /// Takes the values of shard 0, 1, ... of this process, as many as blank() has, from a tensor
  /// that nobody else holds.
  void add(Tensor<T> values, Index shard) {
    sum_.reset();
    values_ = std::move(values);
    if (tree_.add(values_, shard, plan_.own, wire_)) {
      sum_.emplace(processes_, values_.mutable_span(), tag_, wire_,
                   T(1) / static_cast<T>(plan_.shards));
    }
  }

  /// Goes on with the sum if it has begun, without waiting.
  void progress() {
    if (sum_) {
      sum_->progress();
    }
  }

  /// Waits for a step of it; true when the mean is there.
  bool wait_for_step() { return sum_->wait_for_step(); }

  /// The mean, in the last tensor that add() took.
  Tensor<T> take() { return std::exchange(values_, {}); }

  /// What the last sum has sent.
  Index bytes_sent() const { return sum_ ? sum_->bytes_sent() : 0; }

 private:
  const Communicator& processes_;
  Index size_;
  int tag_;
  Wire wire_;
  ShardPlan plan_;
  Tensor<T> values_;
  LocalTree<T> tree_;
  std::optional<TreeSum<T>> sum_;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
