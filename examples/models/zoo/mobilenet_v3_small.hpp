#pragma once

#include <string>

#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "models/zoo/classifier_options.hpp"
#include "models/zoo/inverted_residual.hpp"

/// MobileNetV3-Small (Howard et al. 2019), with torchvision's parameter names: inverted residual
/// blocks with squeeze and excitation, ReLU and hard swish. 2.5 million parameters.
template <class T>
class MobileNetV3Small : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  MobileNetV3Small(const ClassifierOptions& options, Random& random)
      : features_(make_features(options.channels, random)),
        classifier_(cnnrnn::nn::Linear<T>(576, 1024, random), cnnrnn::nn::HardSwish<T>(),
                    cnnrnn::nn::Dropout<T>(0.2, random),
                    cnnrnn::nn::Linear<T>(1024, options.classes, random)) {}

  /// Images (N, H, W, channels), usually 224x224 -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    return classifier_(global_avg_pool2d(features_(x)));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("features", features_);
    visitor("classifier", classifier_);
  }

  std::string describe() const override { return "MobileNetV3Small"; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;
  using Block = InvertedResidual<T>;

  static ConvNormStyle style(Activation activation) {
    return {.activation = activation, .norm = {.epsilon = 0.001, .momentum = 0.01}};
  }

  static Sequential make_features(Index channels, Random& random) {
    constexpr auto relu = Activation::relu;
    constexpr auto hard_swish = Activation::hard_swish;
    struct Row {
      InvertedResidualOptions block;
      Activation activation;
    };
    // in, expanded, out, kernel, stride, squeezed: the paper's table 2; squeezed is a quarter of
    // expanded, rounded to a multiple of 8.
    const Row rows[] = {
        {{16, 16, 16, 3, 2, 8}, relu},          {{16, 72, 24, 3, 2, 0}, relu},
        {{24, 88, 24, 3, 1, 0}, relu},          {{24, 96, 40, 5, 2, 24}, hard_swish},
        {{40, 240, 40, 5, 1, 64}, hard_swish},  {{40, 240, 40, 5, 1, 64}, hard_swish},
        {{40, 120, 48, 5, 1, 32}, hard_swish},  {{48, 144, 48, 5, 1, 40}, hard_swish},
        {{48, 288, 96, 5, 2, 72}, hard_swish},  {{96, 576, 96, 5, 1, 144}, hard_swish},
        {{96, 576, 96, 5, 1, 144}, hard_swish},
    };
    Sequential layers;
    layers.append(
        conv_norm<T>(channels, 16, {.kernel = 3, .stride = 2}, style(hard_swish), random));
    for (const auto& [block, activation] : rows) {
      layers.append(Block(block, style(activation), Block::Names::block, random));
    }
    layers.append(conv_norm<T>(96, 576, {}, style(hard_swish), random));
    return layers;
  }

  Sequential features_;
  Sequential classifier_;
};
