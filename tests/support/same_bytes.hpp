#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/tensor.hpp"

/// Whether two tensors have the same shape and, bit for bit, the same elements.
template <class T>
bool same_bytes(const cnnrnn::Tensor<T>& a, const cnnrnn::Tensor<T>& b) {
  return a.defined() == b.defined() && a.shape() == b.shape() &&
         std::ranges::equal(std::as_bytes(a.span()), std::as_bytes(b.span()));
}
