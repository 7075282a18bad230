#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/conv_transpose2d.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/nn/upsample.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/pad.hpp"

struct UNetOptions {
  cnnrnn::Index classes = 2;
  cnnrnn::Index channels = 3;
  bool bilinear = false;  ///< enlarge by interpolation, else by transposed convolutions
};

/// U-Net (Ronneberger et al. 2015) with padding and batch norm, as in milesial/Pytorch-UNet, whose
/// parameter names it has: four halvings, four doublings that each look at the map of their size on
/// the way down, and a class for each pixel. 31.0 million parameters, bilinear 17.3.
template <class T>
class UNet : public cnnrnn::nn::Layer<T> {
  using Index = cnnrnn::Index;
  using Random = cnnrnn::Random;
  using Variable = cnnrnn::Variable<T>;

 public:
  UNet(const UNetOptions& options, Random& random)
      : inc_(double_conv(options.channels, 64, 64, random)),
        outc_(64, options.classes, {.kernel = 1}, random) {
    const Index narrow = options.bilinear ? 2 : 1;  // interpolation does not halve the channels
    for (const Index width : {128, 256, 512, 1024}) {
      const Index out = width == 1024 ? width / narrow : width;
      downs_.push_back(double_conv(width / 2, out, out, random));
    }
    for (const Index width : {1024, 512, 256, 128}) {
      const Index out = width == 128 ? 64 : width / 2 / narrow;
      ups_.push_back(make_up(width, options.bilinear, random));
      convs_.push_back(double_conv(width, options.bilinear ? width / 2 : out, out, random));
    }
  }

  /// Images (N, H, W, channels) of 16x16 or more -> logits (N, H, W, classes).
  Variable operator()(const Variable& x) override {
    std::vector<Variable> maps{inc_(x)};
    for (auto& down : downs_) {
      maps.push_back(down(max_pool2d(maps.back(), {.kernel = 2})));
    }
    Variable y = maps.back();
    for (std::size_t k = 0; k < ups_.size(); ++k) {
      const Variable& beside = maps[maps.size() - 2 - k];
      y = convs_[k](cnnrnn::concat({beside, padded((*ups_[k])(y), beside)}));
    }
    return outc_(y);
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    visitor("inc.double_conv", inc_);
    for (std::size_t k = 0; k < downs_.size(); ++k) {
      visitor(cnnrnn::to_message("down", k + 1, ".maxpool_conv.1.double_conv"), downs_[k]);
    }
    for (std::size_t k = 0; k < ups_.size(); ++k) {
      visitor(cnnrnn::to_message("up", k + 1, ".up"), *ups_[k]);
      visitor(cnnrnn::to_message("up", k + 1, ".conv.double_conv"), convs_[k]);
    }
    visitor("outc.conv", outc_);
  }

  std::string describe() const override { return "UNet"; }

 private:
  using Layer = cnnrnn::nn::Layer<T>;
  using Sequential = cnnrnn::nn::Sequential<T>;

  static Sequential double_conv(Index in, Index middle, Index out, Random& random) {
    using namespace cnnrnn::nn;
    const Conv2dOptions options{.kernel = 3, .padding = 1, .bias = false};
    return Sequential(Conv2d<T>(in, middle, options, random), BatchNorm2d<T>(middle), Relu<T>(),
                      Conv2d<T>(middle, out, options, random), BatchNorm2d<T>(out), Relu<T>());
  }

  /// What doubles the size of a map: interpolation, or a convolution to half of the channels.
  static std::unique_ptr<Layer> make_up(Index in, bool bilinear, Random& random) {
    using namespace cnnrnn::nn;
    if (bilinear) {
      return std::make_unique<Upsample<T>>(UpsampleOptions{
          .scale_factor = 2, .mode = UpsampleMode::bilinear, .align_corners = true});
    }
    return std::make_unique<ConvTranspose2d<T>>(
        in, in / 2, ConvTranspose2dOptions{.kernel = 2, .stride = 2}, random);
  }

  /// `x` with zeros around it, where a halving has rounded down, as large as `beside`.
  static Variable padded(const Variable& x, const Variable& beside) {
    const Index rows = beside.dim(1) - x.dim(1);
    const Index columns = beside.dim(2) - x.dim(2);
    return rows == 0 && columns == 0 ? x
                                     : pad(x, {{0, 0},
                                               {rows / 2, rows - rows / 2},
                                               {columns / 2, columns - columns / 2},
                                               {0, 0}});
  }

  Sequential inc_;
  std::vector<Sequential> downs_;
  std::vector<std::unique_ptr<Layer>> ups_;
  std::vector<Sequential> convs_;
  cnnrnn::nn::Conv2d<T> outc_;
};
