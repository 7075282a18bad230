#include <algorithm>
#include <cmath>

#include "worst_error.hpp"

float worst_error(cnnrnn::nn::Layer<float>& model, const cnnrnn::Variable<float>& inputs,
                  const cnnrnn::Variable<float>& expected) {
  const cnnrnn::NoGradGuard no_grad;
  const auto outputs = model(inputs);
  float worst = 0;
  for (cnnrnn::Index row = 0; row < outputs.dim(0); ++row) {
    worst = std::max(worst, std::abs(outputs.value()(row, 0) - expected.value()(row, 0)));
  }
  return worst;
}
