#pragma once

#include <cnnrnn/cnnrnn.hpp>

/// The largest difference between what the model makes of the inputs and what it should.
float worst_error(cnnrnn::nn::Layer<float>& model, const cnnrnn::Variable<float>& inputs,
                  const cnnrnn::Variable<float>& expected);
