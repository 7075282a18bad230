#pragma once

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"

/// A small network with all that a file may hold: parameters, buffers, a counter and a random
/// generator.
inline cnnrnn::nn::Sequential<float> fuzz_network() {
  using namespace cnnrnn;
  Random random(1);
  return nn::Sequential<float>(nn::Linear<float>(2, 3, random), nn::BatchNorm1d<float>(3),
                               nn::Dropout<float>(0.5, random), nn::Linear<float>(3, 2, random));
}
