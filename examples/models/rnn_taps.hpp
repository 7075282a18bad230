#pragma once

#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"

/// What the networks of Yin, Zhang and Shao (2019) are asked for.
struct NetworkOptions {
  std::string rnn = "none";  ///< what reads the feature maps beside the network: none or lstm
  cnnrnn::Index classes = 10;
};

/// The options, of the network `name`; throws ValueError for an rnn that is not known.
inline const NetworkOptions& checked(const char* name, const NetworkOptions& options) {
  cnnrnn::require<cnnrnn::ValueError>(options.rnn == "none" || options.rnn == "lstm", name,
                                      ": expected rnn none or lstm, got ", options.rnn);
  return options;
}

/// A tap for each of the feature maps, or none at all without an rnn.
template <class T>
std::vector<cnnrnn::nn::RnnTap<T>> make_taps(const std::string& rnn,
                                             const std::vector<cnnrnn::nn::RnnTapOptions>& maps,
                                             cnnrnn::Random& random) {
  std::vector<cnnrnn::nn::RnnTap<T>> taps;
  if (rnn != "none") {
    for (const auto& map : maps) {
      taps.emplace_back(cnnrnn::nn::LstmRows<T>(map, random));
    }
  }
  return taps;
}

/// How many features all taps give together.
template <class T>
cnnrnn::Index tap_features(const std::vector<cnnrnn::nn::RnnTap<T>>& taps) {
  cnnrnn::Index features = 0;
  for (const auto& tap : taps) {
    features += tap.features();
  }
  return features;
}
