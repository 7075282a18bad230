#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/cnn_rnn.hpp"
#include "models/resnet20.hpp"
#include "models/vgg9.hpp"

/// The networks whose speed is measured, as make_network knows them: the CNN with every cell, the
/// others with the LSTM, and the other joins.
inline std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& rnn : rnn_names()) {
    names.push_back(rnn == "none" ? "cnn" : "cnn+" + rnn);
  }
  names.insert(names.end(), {"vgg9", "vgg9+lstm", "resnet20", "resnet20+lstm"});
  names.insert(names.end(), {"cnn+irnn+sweep", "cnn+gru+sweep", "cnn+gru+readout",
                             "vgg9+irnn+sweep", "resnet20+irnn+sweep"});
  return names;
}

/// The network of a name such as `cnn`, `vgg9+lstm` or `cnn+gru+sweep`: a network, and behind plus
/// signs the cell that reads its maps and how it joins, which is a tap if not said. Throws
/// ValueError for a name that is not known.
template <class T>
std::unique_ptr<cnnrnn::nn::Layer<T>> make_network(const std::string& name,
                                                   cnnrnn::Random& random) {
  const auto plus = name.find('+');
  const std::string network = name.substr(0, plus);
  NetworkOptions options;
  if (plus != std::string::npos) {
    const std::string rnn = name.substr(plus + 1);
    const auto join = rnn.find('+');
    options.rnn = rnn.substr(0, join);
    options.join = join == std::string::npos ? "tap" : rnn.substr(join + 1);
  }
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
