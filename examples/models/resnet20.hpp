#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/controls.hpp"
#include "models/rnn_head.hpp"
#include "models/rnn_sweeps.hpp"
#include "models/rnn_taps.hpp"

/// Two 3x3 convolutions and a shortcut around them (He et al. 2015, section 3): x (N, H, W, in) ->
/// (N, H / stride, W / stride, out). A shortcut that changes the shape has no parameters (their
/// option A): every stride-th pixel, and zeros for the channels that are new.
template <class T>
class ResidualBlock : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Variable = cnnrnn::Variable<T>;

 public:
  ResidualBlock(Index in, Index out, Index stride, cnnrnn::Random& random)
      : in_(in),
        out_(out),
        stride_(stride),
        c1_(in, out, {.kernel = 3, .stride = stride, .padding = 1, .bias = false}, random),
        b1_(out),
        c2_(out, out, {.kernel = 3, .padding = 1, .bias = false}, random),
        b2_(out) {}

  Variable operator()(const Variable& x) override {
    const Variable y = c1_.norm_relu(x, b1_);
    return c2_.norm_add_relu(y, b2_, shortcut(x));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("c1", c1_);
    visitor("b1", b1_);
    visitor("c2", c2_);
    visitor("b2", b2_);
  }

  std::string describe() const override {
    return cnnrnn::to_message("ResidualBlock(", in_, ", ", out_, ", stride ", stride_, ")");
  }

 private:
  Variable shortcut(const Variable& x) const {
    if (stride_ == 1 && in_ == out_) {
      return x;
    }
    const Variable pixels = avg_pool2d(x, {.kernel = 1, .stride = stride_});
    return pad(pixels, {{0, 0}, {0, 0}, {0, 0}, {0, out_ - in_}});
  }

  Index in_, out_, stride_;
  cnnrnn::nn::Conv2d<T> c1_;
  cnnrnn::nn::BatchNorm2d<T> b1_;
  cnnrnn::nn::Conv2d<T> c2_;
  cnnrnn::nn::BatchNorm2d<T> b2_;
};

/// ResNet-20 (He et al. 2015, section 4.2, n = 3), and with an rnn the taps of Yin, Zhang and Shao
/// (2019) after each of its three stages, a read-out or a sweep of its last map, for images (N, 32,
/// 32, 3). Throws ValueError for options it does not know.
template <class T>
class ResNet20 : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  ResNet20(const NetworkOptions& options, Random& random)
      : stem_(cnnrnn::nn::Conv2d<T>(3, 16, {.kernel = 3, .padding = 1, .bias = false}, random),
              cnnrnn::nn::BatchNorm2d<T>(16), cnnrnn::nn::Relu<T>()),
        stages_(make_stages(random)),
        taps_("ResNet20", options, maps(), random),
        sweeps_(rnn_sweeps<T>("ResNet20", options, maps(), 2, random)),
        controls_(control_convolutions<T>("ResNet20", options, maps(), 2, random)),
        out_(64, taps_.features(), options, random) {
    cnnrnn::require<cnnrnn::ValueError>(options.control != "dense",
                                        "ResNet20: expected control none or convolution, since it "
                                        "has no hidden dense layer, got dense");
  }

  /// Images (N, 32, 32, 3) -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    Variable map = stem_(x);
    std::vector<Variable> features;
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      map = controls_(
          k, sweeps_(k, stages_[k](map)));  // (N, 32, 32, 16), then (N, 16, 16, 32), (N, 8, 8, 64)
      taps_.read(k, map, features);
    }
    return out_(global_avg_pool2d(map), std::move(features));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("stem", stem_);
    visitor("stages", stages_);
    visitor("taps", taps_);
    visitor("sweeps", sweeps_);
    visitor("controls", controls_);
    visitor("out", out_);
  }

  std::string describe() const override { return "ResNet20(" + taps_.describe() + ')'; }

 private:
  using Sequential = cnnrnn::nn::Sequential<T>;
  using Block = ResidualBlock<T>;

  static std::vector<Sequential> make_stages(Random& random) {
    std::vector<Sequential> stages;
    Index in = 16;
    for (const Index out : {16, 32, 64}) {
      Sequential stage;
      stage.append(Block(in, out, in == out ? 1 : 2, random));
      stage.append(Block(out, out, 1, random));
      stage.append(Block(out, out, 1, random));
      stages.push_back(std::move(stage));
      in = out;
    }
    return stages;
  }

  static TapMaps maps() {
    return {{.channels = 16, .height = 32, .width = 32, .patch = 8, .units = 32},
            {.channels = 32, .height = 16, .width = 16, .patch = 4, .units = 32},
            {.channels = 64, .height = 8, .width = 8, .patch = 2, .units = 32}};
  }

  Sequential stem_;
  std::vector<Sequential> stages_;
  RnnTaps<T> taps_;
  BehindStages<T> sweeps_, controls_;
  RnnHead<T> out_;
};
