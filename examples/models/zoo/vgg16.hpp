#pragma once

#include <string>

#include "cnnrnn/nn/adaptive_pooling.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "models/zoo/classifier_options.hpp"

/// VGG-16 (Simonyan and Zisserman 2015, configuration D), with torchvision's parameter names:
/// thirteen 3x3 convolutions in five stages that end in pooling, and three dense layers. 138.4
/// million parameters.
template <class T>
class Vgg16 : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  Vgg16(const ClassifierOptions& options, Random& random)
      : features_(make_features(options.channels, random)),
        classifier_(make_classifier(options.classes, random)) {}

  /// Images (N, H, W, channels), usually 224x224 -> logits (N, classes).
  Variable operator()(const Variable& x) override { return classifier_(flatten(features_(x))); }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("features", features_);
    visitor("classifier", classifier_);
  }

  std::string describe() const override { return "Vgg16"; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;

  static Sequential make_features(Index channels, Random& random) {
    using namespace cnnrnn::nn;
    struct Stage {
      Index convolutions, width;
    };
    Sequential layers;
    Index in = channels;
    for (const auto& [convolutions, width] :
         {Stage{2, 64}, Stage{2, 128}, Stage{3, 256}, Stage{3, 512}, Stage{3, 512}}) {
      for (Index k = 0; k < convolutions; ++k) {
        layers.append(Conv2d<T>(in, width, {.kernel = 3, .padding = 1}, random));
        layers.append(Relu<T>());
        in = width;
      }
      layers.append(MaxPool2d<T>());
    }
    layers.append(AdaptiveAvgPool2d<T>(7));
    return layers;
  }

  static Sequential make_classifier(Index classes, Random& random) {
    using namespace cnnrnn::nn;
    return Sequential(Linear<T>(512 * 7 * 7, 4096, random), Relu<T>(), Dropout<T>(0.5, random),
                      Linear<T>(4096, 4096, random), Relu<T>(), Dropout<T>(0.5, random),
                      Linear<T>(4096, classes, random));
  }

  Sequential features_;
  Sequential classifier_;
};
