#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/distributed/shard_sum.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// Options of GradientReducer.
struct ReducerOptions {
  Wire wire = Wire::exact;              ///< how gradients travel
  Index bucket_bytes = Index{1} << 20;  ///< of the gradients that travel together
};

/// Gradients of the mean loss over all shards of a batch, from those of each shard. They travel in
/// buckets, the last layers first, while backward of the last shard goes on. A large one is a
/// bucket of its own, and is added up where it is. Gradients of bfloat16 are added in float, and
/// rounded once at the end.
///
///   for (Index k = 0; k < plan.own; ++k) reducer.backward(loss_of(k), k);
///   reducer.finish();
template <class T>
class GradientReducer {
  using A = Accumulator<T>;

 public:
  /// The parameters of all processes are the same, in the same order. The communicator must outlive
  /// it. Throws ValueError for buckets without bytes.
  GradientReducer(const Communicator& processes, std::vector<Variable<T>> parameters,
                  const ShardPlan& plan, const ReducerOptions& options = {})
      : processes_(processes), parameters_(std::move(parameters)), plan_(plan), options_(options) {
    require<ValueError>(options.bucket_bytes > 0,
                        "GradientReducer: expected buckets of a positive number of bytes, got ",
                        options.bucket_bytes);
  }

  /// Runs backward from the loss of shard 0, 1, ... of this process. Throws ValueError for a shard
  /// out of turn.
  void backward(const Variable<T>& loss, Index shard) {
    begin(shard);
    for (auto& parameter : parameters_) {
      parameter.zero_grad();
    }
    if (shard == plan_.own - 1) {
      const Watch watch(*this);
      loss.backward();
    } else {
      loss.backward();
    }
    pack_all();
  }

  /// Takes the gradients that the parameters have as those of shard 0, 1, ... of this process.
  void add(Index shard) {
    begin(shard);
    pack_all();
  }

  /// Waits for the means, when all shards of this process are there, and puts them into the
  /// gradients. A parameter without a gradient in any shard has none; else a shard without one
  /// counts as 0. Throws ValueError when shards are missing.
  void finish() {
    require<ValueError>(next_ == plan_.own, "GradientReducer: expected the gradients of ",
                        plan_.own, " shards, got ", next_);
    next_ = 0;
    wait(*given_sum_);
    const Tensor<A> given = given_sum_->take();
    for (auto& bucket : buckets_) {
      wait(bucket.sum);
      const Tensor<A> mean = bucket.sum.take();
      const A* from = mean.data();
      for (const std::size_t member : bucket.members) {
        auto& parameter = *required_[member];
        const auto size = parameter.value().span().size();
        if (given.data()[member] == 0) {
          parameter.zero_grad();
        } else {
          parameter.set_grad(
              converted<T>(bucket.whole ? mean : Tensor<A>(parameter.shape(), {from, size})));
        }
        from += size;
      }
    }
  }

  /// What this process has sent for the last batch.
  Index bytes_sent() const {
    Index bytes = given_sum_ ? given_sum_->bytes_sent() : 0;
    for (const auto& bucket : buckets_) {
      bytes += bucket.sum.bytes_sent();
    }
    return bytes;
  }

 private:
  /// Some parameters, whose gradients stand one after the other; or one, whose gradient is the
  /// vector.
  struct Bucket {
    Bucket(const GradientReducer& reducer, int tag, std::vector<std::size_t> parameters,
           Index gradients, bool is_whole)
        : sum(reducer.processes_, gradients, tag, reducer.options_.wire, reducer.plan_),
          members(std::move(parameters)),
          whole(is_whole) {}

    ShardSum<A> sum;
    std::vector<std::size_t> members;
    bool whole;
    Tensor<A> values;      ///< of the shard that is under way
    std::size_t open = 0;  ///< members whose gradients are not there
  };

  struct Place {
    std::size_t bucket;
    Index offset;
  };

  /// Sees the gradients come, and goes on with the sums under way whenever an operation is done. An
  /// observer of the user's goes on to see what it would.
  class Watch : private Observer<T> {
   public:
    explicit Watch(GradientReducer& reducer) : reducer_(reducer) {}

   private:
    void operation(std::string_view name, const std::vector<Variable<T>>& inputs,
                   const std::vector<Tensor<T>>& outputs) override {
      if (outer_ != nullptr) {
        outer_->operation(name, inputs, outputs);
      }
    }
    void backward_begins(const Record<T>& record) override {
      if (outer_ != nullptr) {
        outer_->backward_begins(record);
      }
    }
    void backward_ends(const Record<T>& record) override {
      if (outer_ != nullptr) {
        outer_->backward_ends(record);
      }
      reducer_.progress();
    }
    void gradient_complete(const Record<T>& leaf) override {
      if (outer_ != nullptr) {
        outer_->gradient_complete(leaf);
      }
      const auto found = reducer_.index_.find(&leaf);
      if (found != reducer_.index_.end()) {
        reducer_.pack(found->second);
      }
    }

    GradientReducer& reducer_;
    Observer<T>* outer_ = this->before();
  };

  void begin(Index shard) {
    require<ValueError>(shard == 0 || (shard == next_ && shard < plan_.own),
                        "GradientReducer: expected shard ", next_, " of ", plan_.own, ", got ",
                        shard);
    next_ = shard;
    if (shard == 0) {
      make_buckets();
    }
    shard_ = shard;
    for (auto& bucket : buckets_) {
      bucket.open = bucket.members.size();
    }
    std::fill(packed_.begin(), packed_.end(), false);
    given_ = given_sum_->blank();
  }

  void pack_all() {
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      pack(i);
    }
    given_sum_->add(std::move(given_), shard_);
    next_ = shard_ + 1;
  }

  void wait(ShardSum<A>& sum) {
    while (!sum.wait_for_step()) {
      progress();
    }
  }

  /// Puts the parameters that are not frozen into buckets, unless they are there from before.
  void make_buckets() {
    std::vector<Variable<T>*> required;
    for (auto& parameter : parameters_) {
      if (parameter.requires_grad()) {
        required.push_back(&parameter);
      }
    }
    if (given_sum_ && required == required_) {
      return;
    }
    required_ = std::move(required);
    buckets_.clear();
    index_.clear();
    places_.resize(required_.size());
    packed_.resize(required_.size());
    given_sum_.emplace(processes_, std::ssize(required_), tag_of_given, Wire::exact, plan_);
    const Index most = elements_of_bucket();
    std::vector<std::size_t> members;
    Index size = 0;
    const auto close = [&] {
      for (const std::size_t member : members) {
        places_[member].bucket = buckets_.size();
      }
      add_bucket(std::exchange(members, {}), std::exchange(size, 0), false);
    };
    for (std::size_t i = required_.size(); i-- > 0;) {
      index_.emplace(required_[i]->edge().record.get(), i);
      const Index own = required_[i]->value().size();
      if (own >= most / 4 && own % processes_.size() == 0) {
        places_[i] = {buckets_.size(), 0};
        add_bucket({i}, own, true);
        continue;
      }
      places_[i].offset = size;
      members.push_back(i);
      size += own;
      if (size >= most) {
        close();
      }
    }
    if (!members.empty()) {
      close();
    }
  }

  /// There are tags for four times as many buckets.
  Index elements_of_bucket() const {
    Index all = 0;
    for (const Variable<T>* parameter : required_) {
      all += parameter->value().size();
    }
    constexpr Index most_buckets = 128;
    return std::max(options_.bucket_bytes / static_cast<Index>(sizeof(A)), all / most_buckets + 1);
  }

  void add_bucket(std::vector<std::size_t> members, Index size, bool whole) {
    const int tag = static_cast<int>(buckets_.size()) + 1;
    buckets_.emplace_back(*this, tag, std::move(members), size, whole);
  }

  /// Takes the gradient of a parameter, unless it has been taken. A bucket that is full goes on its
  /// way.
  void pack(std::size_t index) {
    if (packed_[index]) {
      return;
    }
    packed_[index] = true;
    auto& parameter = *required_[index];
    const auto& [number, offset] = places_[index];
    auto& bucket = buckets_[number];
    Tensor<T> gradient = parameter.grad();
    given_.mutable_data()[index] = gradient.defined() ? A(1) : A(0);
    if (bucket.whole) {
      parameter.zero_grad();
      bucket.values = gradient.defined() ? converted<A>(std::move(gradient))
                                         : Tensor<A>::zeros(parameter.shape());
      if (!bucket.values.unique()) {
        bucket.values = bucket.values.clone();
      }
    } else {
      if (!bucket.values.defined()) {
        bucket.values = bucket.sum.blank();
      }
      std::copy_n(gradient.data(), gradient.size(), bucket.values.mutable_data() + offset);
    }
    if (--bucket.open == 0) {
      bucket.sum.add(std::exchange(bucket.values, {}), shard_);
    }
  }

  /// The same numbers, or the nearest, in another type or as they are.
  template <class To, class From>
  static Tensor<To> converted(Tensor<From> values) {
    if constexpr (std::is_same_v<To, From>) {
      return values;
    } else {
      return values.template to<To>();
    }
  }

  void progress() {
    for (auto& bucket : buckets_) {
      bucket.sum.progress();
    }
    given_sum_->progress();
  }

  static constexpr int tag_of_given = 1023;

  const Communicator& processes_;
  std::vector<Variable<T>> parameters_;
  ShardPlan plan_;
  ReducerOptions options_;
  std::vector<Variable<T>*> required_;  ///< those that are not frozen
  std::vector<Place> places_;           ///< of each of these
  std::vector<bool> packed_;
  std::unordered_map<const Record<T>*, std::size_t> index_;
  std::deque<Bucket> buckets_;
  Tensor<A> given_;  ///< 1 for each parameter that has a gradient in the shard under way
  std::optional<ShardSum<A>> given_sum_;  ///< in which part of the shards each has one
  Index shard_ = 0;
  Index next_ = 0;  ///< the shard whose turn it is
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
