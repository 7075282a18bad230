#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "speedrun/recipe.hpp"

namespace speedrun {

using namespace cnnrnn;  // NOLINT: these headers belong to one program

/// (N, H, W, in) -> (N, H / 2, W / 2, out)
class Group : public nn::Layer<float> {
 public:
  Group(Index in, Index out, const Recipe& recipe, Random& random)
      : pooled_(convolution(in, out, random), nn::MaxPool2d<float>(), norm(out, recipe),
                nn::Gelu<float>()),
        body_(convolution(out, out, random), norm(out, recipe), nn::Gelu<float>()) {
    if (recipe.residual) {
      conv_.emplace(convolution(out, out, random));
      norm_.emplace(norm(out, recipe));
    }
  }

  Variable<float> operator()(const Variable<float>& x) override {
    const auto a = pooled_(x);
    const auto b = body_(a);
    return conv_ ? conv_->norm_add_activated(b, *norm_, a, Activation::gelu) : b;
  }
  void visit(nn::Visitor<float>& visitor) override {
    visitor("pooled", pooled_);
    visitor("body", body_);
    if (conv_) {
      visitor("conv", *conv_);
      visitor("norm", *norm_);
    }
  }
  std::string describe() const override { return "Group"; }

 private:
  static nn::Conv2d<float> convolution(Index in, Index out, Random& random) {
    return {in, out, {.kernel = 3, .padding = 1, .bias = false}, random};
  }
  static nn::BatchNorm2d<float> norm(Index channels, const Recipe& recipe) {
    return nn::BatchNorm2d<float>(
        channels, {.epsilon = 1e-12, .momentum = recipe.norm_momentum, .scale = false});
  }

  nn::Sequential<float> pooled_;
  nn::Sequential<float> body_;
  std::optional<nn::Conv2d<float>> conv_;
  std::optional<nn::BatchNorm2d<float>> norm_;
};

/// airbench's network: whitened patches, three groups, and a dense layer. A recipe may ask for a
/// sweep behind one of the groups, which begins as if it were not there.
class Network : public nn::Layer<float> {
 public:
  Network(const Recipe& recipe, Index classes, Random& random)
      : recipe_(recipe),
        whiten_(3, 24, {.kernel = 2}, random),
        head_(recipe.widths[2], classes, {.bias = false}, random) {
    Index in = 24;
    for (const Index out : recipe.widths) {
      groups_.emplace_back(in, out, recipe, random);
      in = out;
    }
    initialise(random);
    if (recipe.rnn) {
      Random own(Random(random).bits());  // the rest begins as without a sweep
      sweep_.emplace(
          nn::RecurrentSweepOptions{
              .channels = recipe.widths[static_cast<std::size_t>(recipe.after - 1)],
              .cell = *recipe.rnn},
          own);
    }
  }

  Variable<float> operator()(const Variable<float>& x) override {  // (N, 32, 32, 3)
    auto a = gelu(whiten_(x));                                     // (N, 31, 31, 24)
    for (std::size_t i = 0; i < groups_.size(); ++i) {             // 15, 7 and 3 pixels wide
      a = groups_[i](a);
      a = sweep_ && i + 1 == static_cast<std::size_t>(recipe_.after) ? (*sweep_)(a) : a;
    }
    const auto features = flatten(max_pool2d(a, {.kernel = 3}));        // (N, widths[2])
    return head_(features) * static_cast<float>(recipe_.output_scale);  // (N, classes)
  }
  void visit(nn::Visitor<float>& visitor) override {
    visitor("whiten", whiten_);
    visitor("groups", groups_);
    if (sweep_) {
      visitor("sweep", *sweep_);
    }
    visitor("head", head_);
  }
  std::string describe() const override {
    return to_message(
        "Speedrun(widths ", recipe_.widths[0], ", ", recipe_.widths[1], ", ", recipe_.widths[2],
        recipe_.residual ? ", residual" : "",
        sweep_ ? to_message(", behind group ", recipe_.after, ' ', sweep_->describe()) : "", ')');
  }

  /// The first layer, of filters (24, 3, 2, 2).
  nn::Conv2d<float>& whiten() { return whiten_; }

 private:
  /// As in PyTorch; but the first filters of a 3x3 convolution hand on a channel each, and the
  /// weights of the head may get a deviation of 1.
  void initialise(Random& random) {
    nn::init::as_in_pytorch(*this, random);
    for (auto& [name, parameter] : named_parameters()) {
      Tensor<float>& weight = parameter.mutable_value();
      if (name.starts_with("groups.") && weight.rank() == 4) {
        Tensor<float> first(weight.shape().with(0, weight.dim(1)));
        nn::init::dirac(first);
        std::ranges::copy(first.span(), weight.mutable_data());
      } else if (name == "head.weight" && recipe_.unit_head) {
        double squares = 0;
        for (const float w : weight.span()) {
          squares += static_cast<double>(w) * static_cast<double>(w);
        }
        const double deviation = std::sqrt(squares / static_cast<double>(weight.size()));
        for (float& w : weight.mutable_span()) {
          w /= static_cast<float>(deviation);
        }
      }
    }
  }

  Recipe recipe_;
  nn::Conv2d<float> whiten_;
  std::vector<Group> groups_;
  std::optional<nn::RecurrentSweep<float>> sweep_;
  nn::Linear<float> head_;
};

}  // namespace speedrun
