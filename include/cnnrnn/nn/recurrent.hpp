#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/recurrent.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn::detail {

/// The sizes and options of a recurrent module, for all cells.
struct RecurrentConfig {
  const char* name;
  Index gates;
  Index features;
  Index units;
  Index layers;
  bool bidirectional;
  bool bias;
  bool batch_first;
  double dropout;
  bool peepholes = false;
};

inline const RecurrentConfig& checked(const RecurrentConfig& c) {
  require<ValueError>(c.features > 0 && c.units > 0, c.name,
                      ": expected positive features and units, got ", c.features, " and ", c.units);
  require<ValueError>(c.layers > 0, c.name, ": expected at least one layer, got ", c.layers);
  require<ValueError>(c.dropout >= 0 && c.dropout < 1, c.name, ": expected dropout in [0, 1), got ",
                      c.dropout);
  return c;
}

/// What Lstm, Gru and Rnn share: weights named and started as PyTorch's, uniform in
/// +-1 / sqrt(units), peepholes at zero; a generator for the dropout between layers, if there is
/// any.
template <class T>
class RecurrentModule : public Module<T> {
 public:
  void visit(Visitor<T>& visitor) override {
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      for (std::size_t direction = 0; direction < layers_[layer].size(); ++direction) {
        auto& weights = layers_[layer][direction];
        const std::string suffix = to_message("_l", layer, direction == 1 ? "_reverse" : "");
        visitor("weight_ih" + suffix, weights.weight_ih);
        visitor("weight_hh" + suffix, weights.weight_hh);
        visitor("bias_ih" + suffix, weights.bias_ih);
        visitor("bias_hh" + suffix, weights.bias_hh);
        visitor("weight_ci" + suffix, weights.weight_ci);
        visitor("weight_cf" + suffix, weights.weight_cf);
        visitor("weight_co" + suffix, weights.weight_co);
      }
    }
    if (config_.dropout > 0) {
      visitor("random", random_);
    }
  }

  /// The weights of each layer's directions.
  const std::vector<std::vector<RecurrentWeights<T>>>& layers() const { return layers_; }

 protected:
  RecurrentModule(const RecurrentConfig& config, Random& random) : config_(checked(config)) {
    const Index directions = config.bidirectional ? 2 : 1;
    for (Index layer = 0; layer < config.layers; ++layer) {
      auto& weights = layers_.emplace_back();
      for (Index direction = 0; direction < directions; ++direction) {
        const Index features = layer == 0 ? config.features : directions * config.units;
        weights.push_back(initial_weights(features, random));
      }
    }
    if (config.dropout > 0) {
      random_ = Random(random.bits());
    }
  }

  /// `Name(features, units, layers L, ...`, with what is said of the cell.
  std::string describe_with(const std::string& cell) const {
    const auto& c = config_;
    const std::string dropout = c.dropout > 0 ? to_message(", dropout ", c.dropout) : "";
    return to_message(c.name, '(', c.features, ", ", c.units, ", layers ", c.layers,
                      c.bidirectional ? ", bidirectional" : "", c.bias ? "" : ", no bias",
                      c.batch_first ? "" : ", time first", dropout, cell, ')');
  }

  /// The packed weights, made by pack(layers) when one has changed: in evaluation, where nothing is
  /// recorded; else null. In training they would be stale after a step, and go.
  template <class Pack>
  std::shared_ptr<const PackedRecurrent<T>> packed(const Pack& pack) {
    if (this->training()) {
      packed_ = {};
    }
    if (this->training() || grad_enabled()) {
      return nullptr;
    }
    std::vector<TensorVersion> sources;
    for (const auto& layer : layers_) {
      for (const auto& w : layer) {
        sources.insert(sources.end(), {w.weight_ih.value(), w.weight_hh.value(), w.bias_ih.value(),
                                       w.bias_hh.value()});
      }
    }
    return packed_.get(sources, [&] { return pack(layers_); });
  }

  RecurrentOptions options(const std::vector<Index>& lengths, std::optional<Lines> lines = {}) {
    return {.batch_first = config_.batch_first,
            .lines = lines,
            .lengths = lengths,
            .dropout = this->training() ? config_.dropout : 0,
            .random = &random_};
  }

 private:
  RecurrentWeights<T> initial_weights(Index features, Random& random) const {
    const Index units = config_.units;
    const double bound = 1 / std::sqrt(static_cast<double>(units));
    const auto uniform = [&](const Shape& shape) {
      Tensor<T> weight(shape);
      init::uniform(weight, random, -bound, bound);
      return Variable<T>(weight, true);
    };
    RecurrentWeights<T> weights;
    weights.weight_ih = uniform({config_.gates * units, features});
    weights.weight_hh = uniform({config_.gates * units, units});
    if (config_.bias) {
      weights.bias_ih = uniform({config_.gates * units});
      weights.bias_hh = uniform({config_.gates * units});
    }
    if (config_.peepholes) {
      for (auto* peephole : {&weights.weight_ci, &weights.weight_cf, &weights.weight_co}) {
        *peephole = Variable<T>(Tensor<T>::zeros({units}), true);
      }
    }
    return weights;
  }

  RecurrentConfig config_;
  std::vector<std::vector<RecurrentWeights<T>>> layers_;
  Random random_;
  Derived<PackedRecurrent<T>> packed_;
};

}  // namespace nn::detail
CNNRNN_NAMESPACE_END
