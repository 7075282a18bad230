#pragma once

#include <optional>
#include <string>

#include "cnnrnn/nn/in_slices.hpp"
#include "models/zoo/conv_norm.hpp"
#include "models/zoo/squeeze_excitation.hpp"

struct InvertedResidualOptions {
  cnnrnn::Index in = 0;
  cnnrnn::Index expanded = 0;  ///< channels of the depthwise convolution
  cnnrnn::Index out = 0;
  cnnrnn::Index kernel = 3;
  cnnrnn::Index stride = 1;
  cnnrnn::Index squeezed = 0;  ///< channels inside a squeeze and excitation; 0: none
};

/// An inverted residual block (Sandler et al. 2018): a 1x1 convolution to more channels unless they
/// stay as many, a depthwise convolution, squeeze and excitation if asked for (Howard et al. 2019),
/// and a 1x1 convolution without activation; beside it a shortcut where the shape stays.
/// x (N, H, W, in) -> (N, H / stride, W / stride, out).
template <class T>
class InvertedResidual : public cnnrnn::nn::Layer<T> {
  using Variable = cnnrnn::Variable<T>;

 public:
  /// How torchvision names the parts: `conv.2` and `conv.3` for the last convolution and its batch
  /// norm, as in MobileNetV2, or `block.2.0` and `block.2.1`, as in MobileNetV3.
  enum class Names { conv, block };

  InvertedResidual(const InvertedResidualOptions& options, const ConvNormStyle& style, Names names,
                   cnnrnn::Random& random)
      : options_(options),
        names_(names),
        depthwise_(conv_norm<T>(
            options.expanded, options.expanded,
            {.kernel = options.kernel, .stride = options.stride, .groups = options.expanded}, style,
            random)),
        project_(options.expanded, options.out, {.kernel = 1, .bias = false}, random),
        norm_(options.out, style.norm) {
    if (options.expanded != options.in) {
      expand_ = conv_norm<T>(options.in, options.expanded, {}, style, random);
    }
    if (options.squeezed > 0) {
      squeeze_.emplace(options.expanded, options.squeezed, random);
    }
  }

  Variable operator()(const Variable& x) override {
    return cnnrnn::nn::in_slices(*this, x, [&](const Variable& part) { return block(part); });
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    int parts = 0;
    const auto next = [&] {
      return cnnrnn::to_message(names_ == Names::conv ? "conv." : "block.", parts++);
    };
    if (expand_.size() > 0) {
      visitor(next(), expand_);
    }
    visitor(next(), depthwise_);
    if (squeeze_) {
      visitor(next(), *squeeze_);
    }
    const std::string last = next();
    visitor(names_ == Names::conv ? last : last + ".0", project_);
    visitor(names_ == Names::conv ? next() : last + ".1", norm_);
  }

  std::string describe() const override {
    const auto& [in, expanded, out, kernel, stride, squeezed] = options_;
    return cnnrnn::to_message("InvertedResidual(", in, ", ", expanded, ", ", out, ", kernel ",
                              kernel, ", stride ", stride,
                              squeezed > 0 ? cnnrnn::to_message(", squeezed ", squeezed) : "", ')');
  }

 private:
  Variable block(const Variable& x) {
    Variable wide = depthwise_(expand_(x));
    if (squeeze_) {
      wide = (*squeeze_)(wide);
    }
    const bool keeps_shape = options_.stride == 1 && options_.in == options_.out;
    return keeps_shape ? project_.norm_add(wide, norm_, x) : project_.norm(wide, norm_);
  }

  InvertedResidualOptions options_;
  Names names_;
  cnnrnn::nn::Sequential<T> expand_;
  cnnrnn::nn::Sequential<T> depthwise_;
  std::optional<SqueezeExcitation<T>> squeeze_;
  cnnrnn::nn::Conv2d<T> project_;
  cnnrnn::nn::BatchNorm2d<T> norm_;
};
