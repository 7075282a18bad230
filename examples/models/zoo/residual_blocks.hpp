#pragma once

#include <string>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/sequential.hpp"

/// The shortcut of a residual block: a 1x1 convolution and a batch norm where the shape changes,
/// and nothing where it does not (option B of He et al. 2015).
template <class T>
cnnrnn::nn::Sequential<T> projection(cnnrnn::Index in, cnnrnn::Index out, cnnrnn::Index stride,
                                     cnnrnn::Random& random) {
  using namespace cnnrnn::nn;
  if (stride == 1 && in == out) {
    return {};
  }
  return Sequential<T>(Conv2d<T>(in, out, {.kernel = 1, .stride = stride, .bias = false}, random),
                       BatchNorm2d<T>(out));
}

/// Two 3x3 convolutions and a shortcut around them: x (N, H, W, in) -> (N, H / stride, W / stride,
/// width), as the shallow networks of He et al. (2015) have them.
template <class T>
class BasicBlock : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Variable = cnnrnn::Variable<T>;

 public:
  static constexpr Index expansion = 1;  ///< output channels per unit of width

  BasicBlock(Index in, Index width, Index stride, cnnrnn::Random& random)
      : in_(in),
        width_(width),
        stride_(stride),
        conv1_(in, width, {.kernel = 3, .stride = stride, .padding = 1, .bias = false}, random),
        bn1_(width),
        conv2_(width, width, {.kernel = 3, .padding = 1, .bias = false}, random),
        bn2_(width),
        downsample_(projection<T>(in, width, stride, random)) {}

  Variable operator()(const Variable& x) override {
    return conv2_.norm_add_relu(conv1_.norm_relu(x, bn1_), bn2_, downsample_(x));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("conv1", conv1_);
    visitor("bn1", bn1_);
    visitor("conv2", conv2_);
    visitor("bn2", bn2_);
    if (downsample_.size() > 0) {
      visitor("downsample", downsample_);
    }
  }

  std::string describe() const override {
    return cnnrnn::to_message("BasicBlock(", in_, ", ", width_, ", stride ", stride_, ')');
  }

 private:
  Index in_, width_, stride_;
  cnnrnn::nn::Conv2d<T> conv1_;
  cnnrnn::nn::BatchNorm2d<T> bn1_;
  cnnrnn::nn::Conv2d<T> conv2_;
  cnnrnn::nn::BatchNorm2d<T> bn2_;
  cnnrnn::nn::Sequential<T> downsample_;
};

/// A 1x1, a 3x3 and a 1x1 convolution and a shortcut around them: x (N, H, W, in) ->
/// (N, H / stride, W / stride, 4 width), as the deep networks of He et al. (2015) have them. The
/// 3x3 convolution has the stride, as in torchvision.
template <class T>
class Bottleneck : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Variable = cnnrnn::Variable<T>;

 public:
  static constexpr Index expansion = 4;  ///< output channels per unit of width

  Bottleneck(Index in, Index width, Index stride, cnnrnn::Random& random)
      : in_(in),
        width_(width),
        stride_(stride),
        conv1_(in, width, {.kernel = 1, .bias = false}, random),
        bn1_(width),
        conv2_(width, width, {.kernel = 3, .stride = stride, .padding = 1, .bias = false}, random),
        bn2_(width),
        conv3_(width, expansion * width, {.kernel = 1, .bias = false}, random),
        bn3_(expansion * width),
        downsample_(projection<T>(in, expansion * width, stride, random)) {}

  Variable operator()(const Variable& x) override {
    const Variable narrow = conv2_.norm_relu(conv1_.norm_relu(x, bn1_), bn2_);
    return conv3_.norm_add_relu(narrow, bn3_, downsample_(x));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("conv1", conv1_);
    visitor("bn1", bn1_);
    visitor("conv2", conv2_);
    visitor("bn2", bn2_);
    visitor("conv3", conv3_);
    visitor("bn3", bn3_);
    if (downsample_.size() > 0) {
      visitor("downsample", downsample_);
    }
  }

  std::string describe() const override {
    return cnnrnn::to_message("Bottleneck(", in_, ", ", width_, ", stride ", stride_, ')');
  }

 private:
  Index in_, width_, stride_;
  cnnrnn::nn::Conv2d<T> conv1_;
  cnnrnn::nn::BatchNorm2d<T> bn1_;
  cnnrnn::nn::Conv2d<T> conv2_;
  cnnrnn::nn::BatchNorm2d<T> bn2_;
  cnnrnn::nn::Conv2d<T> conv3_;
  cnnrnn::nn::BatchNorm2d<T> bn3_;
  cnnrnn::nn::Sequential<T> downsample_;
};
