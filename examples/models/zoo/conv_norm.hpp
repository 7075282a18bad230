#pragma once

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/sequential.hpp"

enum class Activation { relu, relu6, hard_swish };

/// What the convolutions of a MobileNet have in common.
struct ConvNormStyle {
  Activation activation = Activation::relu6;
  cnnrnn::nn::BatchNormOptions norm = {};
};

struct ConvNormOptions {
  cnnrnn::Index kernel = 1;
  cnnrnn::Index stride = 1;
  cnnrnn::Index groups = 1;
};

/// A convolution that keeps the size, but for its stride, a batch norm and an activation, which run
/// in one pass where they can: (N, H, W, in) -> (N, H / stride, W / stride, out).
template <class T>
cnnrnn::nn::Sequential<T> conv_norm(cnnrnn::Index in, cnnrnn::Index out,
                                    const ConvNormOptions& options, const ConvNormStyle& style,
                                    cnnrnn::Random& random) {
  using namespace cnnrnn::nn;
  const auto& [kernel, stride, groups] = options;
  Sequential<T> layers(Conv2d<T>(in, out,
                                 {.kernel = kernel,
                                  .stride = stride,
                                  .padding = (kernel - 1) / 2,
                                  .groups = groups,
                                  .bias = false},
                                 random),
                       BatchNorm2d<T>(out, style.norm));
  switch (style.activation) {
    case Activation::relu:
      layers.append(Relu<T>());
      break;
    case Activation::relu6:
      layers.append(Relu6<T>());
      break;
    case Activation::hard_swish:
      layers.append(HardSwish<T>());
      break;
  }
  return layers;
}
