#pragma once

#include <array>
#include <string>
#include <vector>

#include "cnnrnn/nn/linear.hpp"
#include "models/zoo/classifier_options.hpp"
#include "models/zoo/residual_blocks.hpp"

/// The residual networks of He et al. (2015) for ImageNet, with torchvision's parameter names:
/// a stem that divides the size by four, and four stages, each of which begins with a block that
/// halves it, but for the first.
template <class T, template <class> class Block>
class ResNet : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  /// Images (N, H, W, channels), usually 224x224 -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    Variable map = max_pool2d(conv1_.norm_relu(x, bn1_), {.kernel = 3, .stride = 2, .padding = 1});
    for (auto& stage : stages_) {
      map = stage(map);
    }
    return fc_(global_avg_pool2d(map));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("conv1", conv1_);
    visitor("bn1", bn1_);
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      visitor(cnnrnn::to_message("layer", k + 1), stages_[k]);
    }
    visitor("fc", fc_);
  }

 protected:
  /// `blocks` is how many blocks each stage has.
  ResNet(const std::array<Index, 4>& blocks, const ClassifierOptions& options, Random& random)
      : conv1_(options.channels, 64, {.kernel = 7, .stride = 2, .padding = 3, .bias = false},
               random),
        bn1_(64),
        stages_(make_stages(blocks, random)),
        fc_(512 * Block<T>::expansion, options.classes, random) {}

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;

  static std::vector<Sequential> make_stages(const std::array<Index, 4>& blocks, Random& random) {
    std::vector<Sequential> stages;
    Index in = 64;
    Index width = 64;
    for (const Index count : blocks) {
      Sequential stage;
      for (Index k = 0; k < count; ++k) {
        stage.append(Block<T>(in, width, k == 0 && width > 64 ? 2 : 1, random));
        in = Block<T>::expansion * width;
      }
      stages.push_back(std::move(stage));
      width *= 2;
    }
    return stages;
  }

  cnnrnn::nn::Conv2d<T> conv1_;
  cnnrnn::nn::BatchNorm2d<T> bn1_;
  std::vector<Sequential> stages_;
  cnnrnn::nn::Linear<T> fc_;
};
