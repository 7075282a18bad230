#pragma once

#include <span>

#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Where a backward kernel leaves a gradient. The contract is one for all kernels: no values means
/// that nobody needs this gradient; `accumulate` false means that the values are uninitialised and
/// every one must be stored, true means that every one must be added to.
template <class T>
struct GradientSpan {
  std::span<T> values;
  bool accumulate = false;

  bool needed() const { return !values.empty(); }
  T* data() const { return values.data(); }

  /// Stores or adds one value.
  void put(Index position, T value) const {
    T& target = values[static_cast<std::size_t>(position)];
    target = accumulate ? target + value : value;
  }
};

CNNRNN_NAMESPACE_END
