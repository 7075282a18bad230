#pragma once

#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/optim/optimizer.hpp"

namespace program {

/// All parameters but the recurrent weights in one group, and these in another with the paper's L2
/// term (section 4.2).
template <class T>
std::vector<cnnrnn::optim::ParameterGroup<T>> parameter_groups(cnnrnn::nn::Module<T>& model,
                                                               double rnn_l2) {
  cnnrnn::optim::ParameterGroup<T> plain;
  cnnrnn::optim::ParameterGroup<T> recurrent;
  recurrent.weight_decay = rnn_l2;
  for (const auto& [path, parameter] : model.named_parameters()) {
    const auto rnn = path.find(".rnn.");
    const bool decays = rnn != std::string::npos && path.find("weight", rnn) != std::string::npos;
    (decays ? recurrent : plain).parameters.push_back(parameter);
  }
  return {plain, recurrent};
}

}  // namespace program
