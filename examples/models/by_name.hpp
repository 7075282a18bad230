#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/cnn_rnn.hpp"
#include "models/resnet20.hpp"
#include "models/vgg9.hpp"

/// The names that make_network knows: a network, and behind a plus sign what taps it.
inline std::vector<std::string> network_names() {
  return {"cnn", "cnn+lstm", "vgg9", "vgg9+lstm", "resnet20", "resnet20+lstm"};
}

/// The network of a name such as `cnn` or `vgg9+lstm`. Throws ValueError for a name or an rnn that
/// is not known.
template <class T>
std::unique_ptr<cnnrnn::nn::Layer<T>> make_network(const std::string& name,
                                                   cnnrnn::Random& random) {
  const auto plus = name.find('+');
  const std::string network = name.substr(0, plus);
  const NetworkOptions options{.rnn = plus == std::string::npos ? "none" : name.substr(plus + 1)};
  if (network == "cnn") {
    return std::make_unique<CnnRnn<T>>(options, random);
  }
  if (network == "vgg9") {
    return std::make_unique<Vgg9<T>>(options, random);
  }
  cnnrnn::require<cnnrnn::ValueError>(network == "resnet20",
                                      "expected a network cnn, vgg9 or resnet20, got ", name);
  return std::make_unique<ResNet20<T>>(options, random);
}
