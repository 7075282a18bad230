#pragma once

#include <vector>

#include "cnnrnn/autograd/variable.hpp"

template <class T>
using Tensors = std::vector<cnnrnn::Tensor<T>>;

/// Variables that take gradients, with the values of the tensors in the type T.
template <class T, class From>
std::vector<cnnrnn::Variable<T>> leaves_of(const Tensors<From>& tensors) {
  std::vector<cnnrnn::Variable<T>> leaves;
  for (const auto& tensor : tensors) {
    leaves.emplace_back(tensor.template to<T>(), true);
  }
  return leaves;
}
