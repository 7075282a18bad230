#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "program/settings.hpp"

namespace program {

/// What makes one example program differ from the next: its name and its networks.
struct Classifier {
  using Model = cnnrnn::nn::Layer<float>;

  std::string name;
  std::string summary;
  std::vector<std::string> rnns;
  std::function<std::unique_ptr<Model>(const ModelChoice&, cnnrnn::Random&)> make;
};

/// All parameters but the recurrent weights in one group, and these in another with the paper's L2
/// term (section 4.2).
inline std::vector<cnnrnn::optim::ParameterGroup<float>> parameter_groups(Classifier::Model& model,
                                                                          double rnn_l2) {
  cnnrnn::optim::ParameterGroup<float> plain;
  cnnrnn::optim::ParameterGroup<float> recurrent;
  recurrent.weight_decay = rnn_l2;
  for (const auto& [path, parameter] : model.named_parameters()) {
    const bool decays = path.find(".rnn.weight") != std::string::npos;
    (decays ? recurrent : plain).parameters.push_back(parameter);
  }
  return {plain, recurrent};
}

}  // namespace program
