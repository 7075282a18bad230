#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/lstm.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

struct LstmOptions {
  Index layers = 1;
  bool bidirectional = false;
  bool bias = true;
};

/// Long short-term memory, x (N, T, features) -> y (N, T, D units), h and c (layers D, N, units);
/// see lstm. All weights start uniform in +-1 / sqrt(units), as PyTorch's do. Throws ValueError
/// unless features, units and layers are positive.
template <class T>
class Lstm : public Module<T> {
 public:
  Lstm(Index features, Index units, const LstmOptions& options, Random& random)
      : features_(features), units_(units), options_(options) {
    require<ValueError>(features > 0 && units > 0,
                        "Lstm: expected positive features and units, got ", features, " and ",
                        units);
    require<ValueError>(options.layers > 0, "Lstm: expected at least one layer, got ",
                        options.layers);
    const Index directions = options.bidirectional ? 2 : 1;
    for (Index layer = 0; layer < options.layers; ++layer) {
      auto& weights = layers_.emplace_back();
      for (Index direction = 0; direction < directions; ++direction) {
        weights.push_back(initial_weights(layer == 0 ? features : directions * units, random));
      }
    }
  }

  Lstm(Index features, Index units, Random& random)
      : Lstm(features, units, LstmOptions{}, random) {}

  LstmOutput<T> operator()(const Variable<T>& x, const LstmStates<T>& initial = {}) {
    return lstm(x, layers_, initial);
  }

  void visit(Visitor<T>& visitor) override {
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      for (std::size_t direction = 0; direction < layers_[layer].size(); ++direction) {
        auto& weights = layers_[layer][direction];
        const std::string suffix = to_message("_l", layer, direction == 1 ? "_reverse" : "");
        visitor("weight_ih" + suffix, weights.weight_ih);
        visitor("weight_hh" + suffix, weights.weight_hh);
        visitor("bias_ih" + suffix, weights.bias_ih);
        visitor("bias_hh" + suffix, weights.bias_hh);
      }
    }
  }

  std::string describe() const override {
    return to_message("Lstm(", features_, ", ", units_, ", layers ", options_.layers,
                      options_.bidirectional ? ", bidirectional" : "",
                      options_.bias ? ")" : ", no bias)");
  }

 private:
  LstmWeights<T> initial_weights(Index features, Random& random) const {
    const double bound = 1 / std::sqrt(static_cast<double>(units_));
    const auto uniform = [&](const Shape& shape) {
      Tensor<T> weight(shape);
      init::uniform(weight, random, -bound, bound);
      return Variable<T>(weight, true);
    };
    LstmWeights<T> weights;
    weights.weight_ih = uniform({4 * units_, features});
    weights.weight_hh = uniform({4 * units_, units_});
    if (options_.bias) {
      weights.bias_ih = uniform({4 * units_});
      weights.bias_hh = uniform({4 * units_});
    }
    return weights;
  }

  Index features_;
  Index units_;
  LstmOptions options_;
  std::vector<std::vector<LstmWeights<T>>> layers_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
