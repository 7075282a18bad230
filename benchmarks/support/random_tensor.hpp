#pragma once

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

namespace bench {

/// Normal random numbers, the same in every run.
inline cnnrnn::Tensor<float> random_tensor(const cnnrnn::Shape& shape) {
  cnnrnn::Random random(1);
  cnnrnn::Tensor<float> tensor(shape);
  for (float& value : tensor.mutable_span()) {
    value = static_cast<float>(random.normal());
  }
  return tensor;
}

}  // namespace bench
