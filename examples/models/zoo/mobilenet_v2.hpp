#pragma once

#include <string>

#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "models/zoo/classifier_options.hpp"
#include "models/zoo/inverted_residual.hpp"

/// MobileNetV2 (Sandler et al. 2018), with torchvision's parameter names: inverted residual blocks
/// with ReLU6. 3.5 million parameters.
template <class T>
class MobileNetV2 : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  MobileNetV2(const ClassifierOptions& options, Random& random)
      : features_(make_features(options.channels, random)),
        classifier_(cnnrnn::nn::Dropout<T>(0.2, random),
                    cnnrnn::nn::Linear<T>(1280, options.classes, random)) {}

  /// Images (N, H, W, channels), usually 224x224 -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    return classifier_(global_avg_pool2d(features_(x)));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("features", features_);
    visitor("classifier", classifier_);
  }

  std::string describe() const override { return "MobileNetV2"; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;
  using Block = InvertedResidual<T>;

  static Sequential make_features(Index channels, Random& random) {
    struct Stage {
      Index expansion, width, blocks, stride;  // the stride is that of the first block
    };
    const ConvNormStyle style{.activation = Activation::relu6};
    Sequential layers;
    layers.append(conv_norm<T>(channels, 32, {.kernel = 3, .stride = 2}, style, random));
    Index in = 32;
    for (const auto& [expansion, width, blocks, stride] :
         {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
          Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
      for (Index k = 0; k < blocks; ++k) {
        layers.append(Block(
            {.in = in, .expanded = expansion * in, .out = width, .stride = k == 0 ? stride : 1},
            style, Block::Names::conv, random));
        in = width;
      }
    }
    layers.append(conv_norm<T>(in, 1280, {}, style, random));
    return layers;
  }

  Sequential features_;
  Sequential classifier_;
};
