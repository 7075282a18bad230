#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "models/network_options.hpp"

namespace program {

/// What makes one example program differ from the next: its name and its network.
struct Classifier {
  using Model = cnnrnn::nn::Layer<float>;

  std::string name;
  std::string summary;
  std::vector<std::string> rnns;       ///< what --rnn may be
  std::vector<std::string> joins;      ///< what --join may be
  std::vector<std::string> peepholes;  ///< what --peepholes may be
  std::vector<std::string> controls;   ///< what --control may be
  std::vector<std::string> wavelets;   ///< what --wavelet may be
  std::function<std::unique_ptr<Model>(const NetworkOptions&, cnnrnn::Random&)> make;
};

}  // namespace program
