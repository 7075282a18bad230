#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Where a backward kernel leaves a gradient. The contract is one for all kernels: no values means
/// that nobody needs this gradient; `accumulate` false means that the values are uninitialised and
/// every one must be stored, true means that every one must be added to.
template <class T>
struct GradientSpan {
  std::span<T> values;      ///< where to store or add; empty if nobody needs the gradient
  bool accumulate = false;  ///< add to what is there, else overwrite it

  /// Whether anybody needs the gradient.
  bool needed() const { return !values.empty(); }

  /// The first value; null if the gradient is not needed.
  T* data() const { return values.data(); }

  /// Stores or adds one value.
  void put(Index position, Accumulator<T> value) const {
    T& target = values[static_cast<std::size_t>(position)];
    target = static_cast<T>(accumulate ? target + value : value);
  }

  /// The same of a value that needs no rounding to be stored.
  void put(Index position, T value) const requires is_bfloat16<T> {
    T& target = values[static_cast<std::size_t>(position)];
    target = accumulate ? static_cast<T>(target + value) : value;
  }

  /// Stores or adds `count` values from `position` on.
  void put_row(Index position, const T* from, Index count) const {
    T* const to = data() + position;
    if (accumulate) {
      std::transform(from, from + count, to, to,
                     [](T value, T before) { return static_cast<T>(before + value); });
    } else {
      std::copy_n(from, count, to);
    }
  }
};

CNNRNN_NAMESPACE_END
