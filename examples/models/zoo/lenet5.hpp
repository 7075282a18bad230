#pragma once

#include <string>

#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/flatten.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"

struct LeNet5Options {
  cnnrnn::Index classes = 10;
  cnnrnn::Index channels = 1;
  cnnrnn::Index image = 32;  ///< height and width: 32, or 28, to which zeros are added
};

/// LeNet-5 (LeCun et al. 1998) as it is built today, with ReLU and max-pooling. torchvision has
/// none: its parts are named as those of VGG. 61,706 parameters. Throws ValueError for other sizes.
template <class T>
class LeNet5 : public cnnrnn::nn::Layer<T> {
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  LeNet5(const LeNet5Options& options, Random& random)
      : features_(make_features(options, random)),
        classifier_(make_classifier(options.classes, random)) {}

  /// Images (N, image, image, channels) -> logits (N, classes).
  Variable operator()(const Variable& x) override { return classifier_(features_(x)); }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("features", features_);
    visitor("classifier", classifier_);
  }

  std::string describe() const override { return "LeNet5"; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;

  static Sequential make_features(const LeNet5Options& options, Random& random) {
    using namespace cnnrnn::nn;
    cnnrnn::require<cnnrnn::ValueError>(options.image == 32 || options.image == 28,
                                        "LeNet5: expected images of size 32 or 28, got ",
                                        options.image);
    const cnnrnn::Index padding = (32 - options.image) / 2;
    return Sequential(
        Conv2d<T>(options.channels, 6, {.kernel = 5, .padding = padding}, random), Relu<T>(),
        MaxPool2d<T>(),                                                       // (N, 14, 14, 6)
        Conv2d<T>(6, 16, {.kernel = 5}, random), Relu<T>(), MaxPool2d<T>());  // (N, 5, 5, 16)
  }

  static Sequential make_classifier(cnnrnn::Index classes, Random& random) {
    using namespace cnnrnn::nn;
    return Sequential(Flatten<T>(), Linear<T>(400, 120, random), Relu<T>(),
                      Linear<T>(120, 84, random), Relu<T>(), Linear<T>(84, classes, random));
  }

  Sequential features_;
  Sequential classifier_;
};
