#pragma once

#include <utility>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN

/// A tensor kept for backward. Reading it back throws GraphError when its memory was handed out for
/// writing in between, since the gradient would then be silently wrong.
template <class T>
class Saved {
 public:
  Saved() = default;

  /// Keeps a tensor and the version of its memory.
  explicit Saved(Tensor<T> tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}

  /// The tensor. Throws GraphError if it was handed out for writing since.
  const Tensor<T>& operator*() const {
    require<GraphError>(tensor_.version() == version_, "expected the saved tensor ",
                        tensor_.shape(), " as the forward pass left it, got it changed ",
                        tensor_.version() - version_, " times since");
    return tensor_;
  }

  /// The same.
  const Tensor<T>* operator->() const { return &**this; }

 private:
  Tensor<T> tensor_;
  std::uint64_t version_ = 0;
};

CNNRNN_NAMESPACE_END
