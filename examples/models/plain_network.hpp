#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/controls.hpp"
#include "models/rnn_head.hpp"
#include "models/rnn_sweeps.hpp"
#include "models/rnn_taps.hpp"

/// The layers of a network without shortcuts, for images (N, 32, 32, 3).
struct PlainLayout {
  std::string name;
  std::vector<std::vector<cnnrnn::Index>> stages;  ///< channels of the convolutions of each stage
  std::vector<cnnrnn::Index> dense;                ///< features of the hidden dense layers
  std::vector<cnnrnn::Index> patches;              ///< patch size of the tap after each stage
  std::size_t swept;                               ///< stage, from 0 on, behind which a sweep is
};

/// Stages of 3x3 convolutions, batch norm and ReLU that end in 2x2 max-pooling, then dense layers;
/// after each stage, if asked for, an RNN tap that reads the feature map patch by patch, row by row
/// (Yin, Zhang and Shao 2019). The taps' final states join the dense features before the last
/// layer; so does a read-out of the last map, and a sweep changes the map itself. Throws ValueError
/// for options it does not know.
template <class T>
class PlainNetwork : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  PlainNetwork(const PlainLayout& layout, const NetworkOptions& options, Random& random)
      : name_(layout.name),
        stages_(make_stages(layout, random)),
        head_(make_head(layout, dense(layout, options), random)),
        taps_(layout.name, options, maps(layout), random),
        sweeps_(rnn_sweeps<T>(layout.name, options, maps(layout), layout.swept, random)),
        controls_(
            control_convolutions<T>(layout.name, options, maps(layout), layout.swept, random)),
        out_(dense(layout, options).back(), taps_.features(), options, random) {}

  /// Images (N, 32, 32, 3) -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    Variable map = x;
    std::vector<Variable> tapped;
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      map = controls_(k, sweeps_(k, stages_[k](map)));  // (N, 16, 16, C), then (N, 8, 8, C), ...
      taps_.read(k, map, tapped);
    }
    return out_(head_(flatten(map)), std::move(tapped));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("stages", stages_);
    visitor("taps", taps_);
    visitor("sweeps", sweeps_);
    visitor("controls", controls_);
    visitor("head", head_);
    visitor("out", out_);
  }

  std::string describe() const override { return name_ + '(' + taps_.describe() + ')'; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;

  static constexpr Index image_size = 32;

  static Index map_size(std::size_t stage) { return image_size >> (stage + 1); }

  static std::vector<Sequential> make_stages(const PlainLayout& layout, Random& random) {
    std::vector<Sequential> stages;
    Index in = 3;
    for (const auto& channels : layout.stages) {
      stages.push_back(make_stage(in, channels, random));
      in = channels.back();
    }
    return stages;
  }

  static Sequential make_stage(Index in, const std::vector<Index>& channels, Random& random) {
    using namespace cnnrnn::nn;
    Sequential stage;
    for (const Index out : channels) {
      stage.append(Conv2d<T>(in, out, {.kernel = 3, .padding = 1, .bias = false}, random));
      stage.append(BatchNorm2d<T>(out));
      stage.append(Relu<T>());
      in = out;
    }
    stage.append(MaxPool2d<T>({.kernel = 2}));
    return stage;
  }

  /// Features of the hidden dense layers.
  static std::vector<Index> dense(const PlainLayout& layout, const NetworkOptions& options) {
    std::vector<Index> features = layout.dense;
    for (Index& out : features) {
      out *= options.control == "dense" ? 2 : 1;
    }
    return features;
  }

  static Sequential make_head(const PlainLayout& layout, const std::vector<Index>& dense,
                              Random& random) {
    const Index size = map_size(layout.stages.size() - 1);
    Index in = size * size * layout.stages.back().back();
    Sequential head;
    for (const Index out : dense) {
      head.append(cnnrnn::nn::Linear<T>(in, out, random));
      head.append(cnnrnn::nn::Relu<T>());
      in = out;
    }
    return head;
  }

  static TapMaps maps(const PlainLayout& layout) {
    TapMaps maps;
    for (std::size_t k = 0; k < layout.stages.size(); ++k) {
      maps.push_back({.channels = layout.stages[k].back(),
                      .height = map_size(k),
                      .width = map_size(k),
                      .patch = layout.patches[k],
                      .units = 32});
    }
    return maps;
  }

  std::string name_;
  std::vector<Sequential> stages_;
  Sequential head_;
  RnnTaps<T> taps_;
  BehindStages<T> sweeps_, controls_;
  RnnHead<T> out_;
};
