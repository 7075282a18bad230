#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"

/// Layers behind some stages of a network, which change the stages' maps for the next to read;
/// their names are the numbers of the stages, from 0 on.
template <class T>
class BehindStages : public cnnrnn::nn::Module<T> {
  using Variable = cnnrnn::Variable<T>;
  using Layer = cnnrnn::nn::Layer<T>;

 public:
  template <class Kind>
  void add(std::size_t stage, Kind layer) {
    stages_.push_back(stage);
    layers_.push_back(std::make_unique<Kind>(std::move(layer)));
  }

  /// The map of a stage, changed if there is a layer behind the stage: (N, H, W, C) -> the same.
  Variable operator()(std::size_t stage, const Variable& map) {
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      if (stages_[k] == stage) {
        return (*layers_[k])(map);
      }
    }
    return map;
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      visitor(std::to_string(stages_[k]), *layers_[k]);
    }
  }

  std::string describe() const override { return "BehindStages"; }

 private:
  std::vector<std::size_t> stages_;
  std::vector<std::unique_ptr<Layer>> layers_;
};
