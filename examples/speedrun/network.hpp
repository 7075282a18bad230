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

/// The sum of the squares of weights.
template <class T>
double squares(const Tensor<T>& weights) {
  double sum = 0;
  for (const T w : weights.span()) {
    sum += static_cast<double>(w) * static_cast<double>(w);
  }
  return sum;
}

/// (N, H, W, in) -> (N, H / 2, W / 2, out)
template <class T>
class Group : public nn::Layer<T> {
 public:
  Group(Index in, Index out, const Recipe& recipe, Random& random)
      : pooled_(convolution(in, out, random), nn::MaxPool2d<T>(), norm(out, recipe), nn::Gelu<T>()),
        body_(convolution(out, out, random), norm(out, recipe), nn::Gelu<T>()) {
    if (recipe.residual) {
      conv_.emplace(convolution(out, out, random));
      norm_.emplace(norm(out, recipe));
    }
  }

  Variable<T> operator()(const Variable<T>& x) override {
    const auto a = pooled_(x);
    const auto b = body_(a);
    return conv_ ? conv_->norm_add_activated(b, *norm_, a, Activation::gelu) : b;
  }
  void visit(nn::Visitor<T>& visitor) override {
    visitor("pooled", pooled_);
    visitor("body", body_);
    if (conv_) {
      visitor("conv", *conv_);
      visitor("norm", *norm_);
    }
  }
  std::string describe() const override { return "Group"; }

 private:
  static nn::Conv2d<T> convolution(Index in, Index out, Random& random) {
    return {in, out, {.kernel = 3, .padding = 1, .bias = false}, random};
  }
  static nn::BatchNorm2d<T> norm(Index channels, const Recipe& recipe) {
    return nn::BatchNorm2d<T>(channels,
                              {.epsilon = 1e-12, .momentum = recipe.norm_momentum, .scale = false});
  }

  nn::Sequential<T> pooled_;
  nn::Sequential<T> body_;
  std::optional<nn::Conv2d<T>> conv_;
  std::optional<nn::BatchNorm2d<T>> norm_;
};

/// airbench's network: whitened patches, three groups, and a dense layer. A recipe may ask for a
/// sweep behind one of the groups, which begins as if it were not there.
template <class T>
class Network : public nn::Layer<T> {
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

  Variable<T> operator()(const Variable<T>& x) override {  // (N, 32, 32, 3)
    auto a = gelu(whiten_(x));                             // (N, 31, 31, 24)
    for (std::size_t i = 0; i < groups_.size(); ++i) {     // 15, 7 and 3 pixels wide
      a = groups_[i](a);
      a = sweep_ && i + 1 == static_cast<std::size_t>(recipe_.after) ? (*sweep_)(a) : a;
    }
    const auto features = flatten(max_pool2d(a, {.kernel = 3}));                 // (N, widths[2])
    return head_(features) * static_cast<Accumulator<T>>(recipe_.output_scale);  // (N, classes)
  }
  void visit(nn::Visitor<T>& visitor) override {
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
  nn::Conv2d<T>& whiten() { return whiten_; }

 private:
  /// As in PyTorch; but the first filters of a 3x3 convolution hand on a channel each, and the
  /// weights of the head may get a deviation of 1.
  void initialise(Random& random) {
    nn::init::as_in_pytorch(*this, random);
    for (auto& [name, parameter] : this->named_parameters()) {
      auto weight = parameter.master();
      if (name.starts_with("groups.") && weight.rank() == 4) {
        Tensor<Accumulator<T>> first(weight.shape().with(0, weight.dim(1)));
        nn::init::dirac(first);
        std::ranges::copy(first.span(), weight.mutable_data());
      } else if (name == "head.weight" && recipe_.unit_head) {
        const double deviation = std::sqrt(squares(weight) / static_cast<double>(weight.size()));
        for (auto& w : weight.mutable_span()) {
          w /= static_cast<Accumulator<T>>(deviation);
        }
      }
      parameter.round_master();
    }
  }

  Recipe recipe_;
  nn::Conv2d<T> whiten_;
  std::vector<Group<T>> groups_;
  std::optional<nn::RecurrentSweep<T>> sweep_;
  nn::Linear<T> head_;
};

}  // namespace speedrun
