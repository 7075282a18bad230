#pragma once

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

namespace bench {

/// Normal random numbers, the same in every run.
template <class T = float>
cnnrnn::Tensor<T> random_tensor(const cnnrnn::Shape& shape) {
  cnnrnn::Random random(1);
  cnnrnn::Tensor<T> tensor(shape);
  for (T& value : tensor.mutable_span()) {
    value = static_cast<T>(random.normal());
  }
  return tensor;
}

}  // namespace bench
