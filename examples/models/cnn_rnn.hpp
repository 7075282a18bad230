#pragma once

#include <array>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"

struct CnnRnnOptions {
  std::string rnn = "none";  ///< what reads the feature maps beside the network: none or lstm
  cnnrnn::Index classes = 10;
};

/// The CNN and the CNN-RNN of Yin, Zhang and Shao (2019), section 4, for images (N, 32, 32, 3).
///
/// Two stages of convolutions, a dense layer, and after each stage an RNN tap that reads the feature
/// map patch by patch, row by row. The taps' final states join the dense features before the last
/// layer. Throws ValueError for an rnn it does not know.
template <class T>
class CnnRnn : public cnnrnn::nn::Layer<T> {
  using Variable = cnnrnn::Variable<T>;
  using Random = cnnrnn::Random;

 public:
  explicit CnnRnn(const CnnRnnOptions& options, Random& random)
      : options_(checked(options)),
        stages_(make_stages(random)),
        head_(cnnrnn::nn::Linear<T>(8 * 8 * 64, 512, random), cnnrnn::nn::Relu<T>()),
        taps_(make_taps(options, random)),
        out_(512 + tap_features(), options.classes, random) {}

  /// Images (N, 32, 32, 3) -> logits (N, classes).
  Variable operator()(const Variable& x) override {
    const Variable a = stages_[0](x);  // (N, 16, 16, 32)
    const Variable b = stages_[1](a);  // (N, 8, 8, 64)
    const Variable dense = head_(flatten(b));
    if (taps_.empty()) {
      return out_(dense);
    }
    return out_(cnnrnn::concat<T>({dense, taps_[0](a), taps_[1](b)}));
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("stages", stages_);
    visitor("taps", taps_);
    visitor("head", head_);
    visitor("out", out_);
  }

  std::string describe() const override { return "CnnRnn(rnn " + options_.rnn + ")"; }

 private:
  using Stage = cnnrnn::nn::Sequential<T>;
  using Tap = cnnrnn::nn::RnnTap<T>;

  static const CnnRnnOptions& checked(const CnnRnnOptions& options) {
    cnnrnn::require<cnnrnn::ValueError>(options.rnn == "none" || options.rnn == "lstm",
                                        "CnnRnn: expected rnn none or lstm, got ", options.rnn);
    return options;
  }

  static std::vector<Stage> make_stages(Random& random) {
    std::vector<Stage> stages;
    stages.push_back(stage(3, 32, random));
    stages.push_back(stage(32, 64, random));
    return stages;
  }

  static Stage stage(cnnrnn::Index in, cnnrnn::Index out, Random& random) {
    using namespace cnnrnn::nn;
    const auto convolution = [&](cnnrnn::Index channels) {
      return Conv2d<T>(channels, out, {.kernel = 3, .padding = 1, .bias = false}, random);
    };
    Stage stage;
    for (const cnnrnn::Index channels : {in, out}) {
      stage.append(convolution(channels));
      stage.append(BatchNorm2d<T>(out));
      stage.append(Relu<T>());
    }
    stage.append(MaxPool2d<T>({.kernel = 2}));
    return stage;
  }

  static std::vector<Tap> make_taps(const CnnRnnOptions& options, Random& random) {
    std::vector<Tap> taps;
    if (options.rnn != "none") {
      taps.push_back(tap({.channels = 32, .height = 16, .width = 16, .patch = 4, .units = 32}, random));
      taps.push_back(tap({.channels = 64, .height = 8, .width = 8, .patch = 4, .units = 32}, random));
    }
    return taps;
  }

  static Tap tap(const cnnrnn::nn::RnnTapOptions& options, Random& random) {
    return Tap(cnnrnn::nn::LstmRows<T>(options, random));
  }

  cnnrnn::Index tap_features() const {
    cnnrnn::Index features = 0;
    for (const Tap& tap : taps_) {
      features += tap.features();
    }
    return features;
  }

  CnnRnnOptions options_;
  std::vector<Stage> stages_;
  Stage head_;
  std::vector<Tap> taps_;
  cnnrnn::nn::Linear<T> out_;
};
