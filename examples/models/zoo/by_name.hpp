#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/zoo/lenet5.hpp"
#include "models/zoo/mobilenet_v2.hpp"
#include "models/zoo/mobilenet_v3_small.hpp"
#include "models/zoo/resnet18.hpp"
#include "models/zoo/resnet50.hpp"
#include "models/zoo/vgg16.hpp"

/// A network that tells what is on an image.
template <class T>
struct ZooClassifier {
  using Layer = cnnrnn::nn::Layer<T>;

  std::string name;           ///< as torchvision has it
  std::string first;          ///< path of its first convolution
  std::string last;           ///< path of its last dense layer
  ClassifierOptions options;  ///< what it was made for
  cnnrnn::Index image;        ///< height and width of the images that it was made for
  std::function<std::unique_ptr<Layer>(const ClassifierOptions&, cnnrnn::Random&)> make;
};

template <class T>
std::vector<ZooClassifier<T>> zoo_classifiers() {
  const auto make = []<class Network>(Network* /*type*/) {
    return [](const ClassifierOptions& options, cnnrnn::Random& random) {
      return std::make_unique<Network>(options, random);
    };
  };
  const auto make_lenet5 = [](const ClassifierOptions& options, cnnrnn::Random& random) {
    return std::make_unique<LeNet5<T>>(
        LeNet5Options{.classes = options.classes, .channels = options.channels}, random);
  };
  return {
      {"lenet5", "features.0", "classifier.5", {.classes = 10, .channels = 1}, 32, make_lenet5},
      {"mobilenet_v2",
       "features.0.0",
       "classifier.1",
       {},
       224,
       make(static_cast<MobileNetV2<T>*>(nullptr))},
      {"mobilenet_v3_small",
       "features.0.0",
       "classifier.3",
       {},
       224,
       make(static_cast<MobileNetV3Small<T>*>(nullptr))},
      {"resnet18", "conv1", "fc", {}, 224, make(static_cast<ResNet18<T>*>(nullptr))},
      {"resnet50", "conv1", "fc", {}, 224, make(static_cast<ResNet50<T>*>(nullptr))},
      {"vgg16", "features.0", "classifier.6", {}, 224, make(static_cast<Vgg16<T>*>(nullptr))},
  };
}

/// The classifier of a name such as `resnet18`. Throws ValueError for a name that is not known.
template <class T>
ZooClassifier<T> zoo_classifier(const std::string& name) {
  std::string known;
  for (const auto& classifier : zoo_classifiers<T>()) {
    if (classifier.name == name) {
      return classifier;
    }
    known += (known.empty() ? "" : ", ") + classifier.name;
  }
  throw cnnrnn::ValueError("expected a network of " + known + ", got " + name);
}
