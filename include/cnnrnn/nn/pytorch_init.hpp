#pragma once

#include <cmath>
#include <map>
#include <string>

#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn::init {

/// Draws the weights and biases of all convolutions and dense layers in a module as PyTorch's
/// constructors do: uniform within 1 / sqrt(fan in) of the weight. A recipe that was tuned there
/// may depend on it. They are told by their names: a `weight` of rank 2 or more, and the `bias`
/// beside it. Other parameters stay as they are.
template <class T>
void as_in_pytorch(Module<T>& module, Random& random) {
  std::map<std::string, double> bounds;  // of the layer with that path
  for (auto& [path, parameter] : module.named_parameters()) {
    const auto dot = path.rfind('.') + 1;
    const std::string layer = path.substr(0, dot);
    const std::string name = path.substr(dot);
    if (name == "weight" && parameter.rank() >= 2) {
      const double bound = 1 / std::sqrt(Fans(parameter.shape()).in);
      bounds.emplace(layer, bound);
      uniform(parameter.mutable_value(), random, -bound, bound);
    } else if (name == "bias" && bounds.contains(layer)) {
      uniform(parameter.mutable_value(), random, -bounds.at(layer), bounds.at(layer));
    }
  }
}

}  // namespace nn::init
CNNRNN_NAMESPACE_END
