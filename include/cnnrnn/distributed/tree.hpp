#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"

// The tree in which the gradients of S shards are added, S a power of two: neighbours first, then
// neighbouring pairs, and so on. It is the same whoever holds which shards.

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// How the numbers of a sum travel between processes: as they are, or rounded to bfloat16, half the
/// bytes of floats.
enum class Wire { exact, bfloat16 };

namespace detail {

template <class T>
T rounded(T value, Wire wire) {
  return wire == Wire::exact ? value : static_cast<T>(bfloat16::nearest(static_cast<float>(value)));
}

constexpr Index elements_of_block = 1 << 14;

/// sum = lower + upper, at one place of the tree; what travels is rounded, and so is what need not,
/// so that the sum does not depend on where the shards are. `sum` may be one of the others.
template <class T>
void add(Wire wire, const T* lower, const T* upper, T* sum, Index size) {
  parallel_for(size, elements_of_block, [=](Index begin, Index end) {
    if (wire == Wire::exact) {
      for (Index i = begin; i < end; ++i) {
        sum[i] = lower[i] + upper[i];
      }
      return;
    }
    for (Index i = begin; i < end; ++i) {
      sum[i] = rounded(lower[i], wire) + rounded(upper[i], wire);
    }
  });
}

/// values = rounded(values) * factor, at the root of the tree.
template <class T>
void finish(Wire wire, T* values, Index size, T factor) {
  parallel_for(size, elements_of_block, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      values[i] = rounded(values[i], wire) * factor;
    }
  });
}

}  // namespace detail

/// The sums of the shards that one process has, as they come. It keeps a tensor a level of the
/// tree.
template <class T>
class LocalTree {
 public:
  /// Adds the values of shard 0, 1, ... of `shards`. True at the last, when `values` are the sum of
  /// all; before that their memory goes into the tree.
  bool add(Tensor<T>& values, Index shard, Index shards, Wire wire) {
    std::size_t level = 0;
    for (; (shard >> level) % 2 == 1; ++level) {
      T* const sum = values.mutable_data();
      detail::add<T>(wire, levels_[level].data(), sum, sum, values.size());
    }
    if (shard == shards - 1) {
      return true;
    }
    levels_.resize(std::max(levels_.size(), level + 1));
    levels_[level] = std::move(values);
    return false;
  }

 private:
  std::vector<Tensor<T>> levels_;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
