#pragma once

#include <cmath>
#include <cstdint>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

/// Normal random numbers, the same for the same seed.
template <class T>
cnnrnn::Tensor<T> random_tensor(const cnnrnn::Shape& shape, std::uint64_t seed) {
  cnnrnn::Random random(seed);
  cnnrnn::Tensor<T> tensor(shape);
  for (T& value : tensor.mutable_span()) {
    value = static_cast<T>(random.normal());
  }
  return tensor;
}

/// Random numbers at least `distance` away from 0, where many functions have their kink.
template <class T>
cnnrnn::Tensor<T> away_from_zero(const cnnrnn::Shape& shape, std::uint64_t seed,
                                 double distance = 0.05) {
  auto tensor = random_tensor<T>(shape, seed);
  for (T& value : tensor.mutable_span()) {
    value += std::copysign(static_cast<T>(distance), value);
  }
  return tensor;
}
