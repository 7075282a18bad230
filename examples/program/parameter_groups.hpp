#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/optim/optimizer.hpp"

namespace program {

/// All parameters but the recurrent weights in one group, and these in another with a weight decay
/// of their own: the paper's L2 term (section 4.2). Recurrent networks are called `rnn` in taps,
/// `rows` and `columns` in read-outs and sweeps.
template <class T>
std::vector<cnnrnn::optim::ParameterGroup<T>> parameter_groups(cnnrnn::nn::Module<T>& model,
                                                               double recurrent_decay) {
  cnnrnn::optim::ParameterGroup<T> plain;
  cnnrnn::optim::ParameterGroup<T> recurrent;
  recurrent.weight_decay = recurrent_decay;
  for (const auto& [path, parameter] : model.named_parameters()) {
    const bool decays = std::ranges::any_of(
        std::array{".rnn.", ".rows.", ".columns."}, [&path = path](const char* part) {
          const auto network = path.find(part);
          return network != std::string::npos && path.find("weight", network) != std::string::npos;
        });
    (decays ? recurrent : plain).parameters.push_back(parameter);
  }
  return {plain, recurrent};
}

}  // namespace program
