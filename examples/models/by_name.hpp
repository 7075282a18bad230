#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/cnn_rnn.hpp"
#include "models/resnet20.hpp"
#include "models/vgg9.hpp"

/// The networks whose speed is measured, as make_network knows them: the CNN with every cell, the
/// others with the LSTM.
inline std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& rnn : rnn_names()) {
    names.push_back(rnn == "none" ? "cnn" : "cnn+" + rnn);
  }
  names.insert(names.end(), {"vgg9", "vgg9+lstm", "resnet20", "resnet20+lstm"});
  return names;
}

/// The network of a name such as `cnn` or `vgg9+lstm`: a network, and behind a plus sign the cell
/// that taps it. Throws ValueError for a name that is not known.
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
