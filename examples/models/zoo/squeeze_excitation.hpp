#pragma once

#include <string>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/pooling.hpp"
#include "cnnrnn/ops/reshape.hpp"

/// Squeeze and excitation (Hu et al. 2018), as MobileNetV3 has it: each channel of x (N, H, W, C)
/// times a factor from 0 to 1, which two 1x1 convolutions, of `squeezed` and C channels, make of
/// the means of all channels.
template <class T>
class SqueezeExcitation : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Variable = cnnrnn::Variable<T>;

 public:
  SqueezeExcitation(Index channels, Index squeezed, cnnrnn::Random& random)
      : channels_(channels),
        squeezed_(squeezed),
        fc1_(channels, squeezed, {.kernel = 1}, random),
        fc2_(squeezed, channels, {.kernel = 1}, random) {}

  Variable operator()(const Variable& x) override {
    const Variable means = reshape(global_avg_pool2d(x), {x.dim(0), 1, 1, x.dim(3)});
    return x * hard_sigmoid(fc2_(relu(fc1_(means))));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("fc1", fc1_);
    visitor("fc2", fc2_);
  }

  std::string describe() const override {
    return cnnrnn::to_message("SqueezeExcitation(", channels_, ", ", squeezed_, ')');
  }

 private:
  Index channels_, squeezed_;
  cnnrnn::nn::Conv2d<T> fc1_;
  cnnrnn::nn::Conv2d<T> fc2_;
};
