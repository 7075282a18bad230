#pragma once

#include <string>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/ops/max_pool_moments.hpp"
#include "cnnrnn/ops/packed_convolution.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Conv2d.
struct Conv2dOptions {
  Size2d kernel{3};                                    ///< its size
  Size2d stride{1};                                    ///< steps between two windows
  Size2d padding{0};                                   ///< zeros on each side
  Size2d dilation{1};                                  ///< steps between the kernel's elements
  Index groups = 1;                                    ///< of channels, each convolved for itself
  bool bias = true;                                    ///< learn a bias
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
};

/// Two-dimensional convolution, (N, H, W, in) -> (N, OH, OW, out); see conv2d. The weight starts
/// Kaiming normal for ReLU, the bias at zero. Throws ValueError for options out of range.
template <class T>
class Conv2d : public Layer<T> {
 public:
  /// A convolution of `in` to `out` channels, with initial weights drawn from `random`.
  Conv2d(Index in, Index out, const Conv2dOptions& options, Random& random)
      : in_(in), out_(out), options_(options) {
    validate();
    Tensor<T> weight({out, in / options.groups, options.kernel.h, options.kernel.w});
    init::kaiming_normal(weight, random);
    weight_ = Variable<T>(weight, true);
    if (options.bias) {
      bias_ = Variable<T>(Tensor<T>::zeros({out}), true);
    }
  }

  Variable<T> operator()(const Variable<T>& x) override {
    return this->called([&] {
      return keeps_packed() ? Variable<T>((*packed(x))(x.value(), Activation::none))
                            : conv2d(x, weight_, bias_, convolution());
    });
  }

  /// Batch norm of the convolution, in as few passes as there can be: in training the statistics
  /// are taken while the result is in the cache, and outside it, where nothing is recorded, the
  /// batch norm is folded into the weights.
  Variable<T> norm(const Variable<T>& x, BatchNorm2d<T>& norm) {
    return norm_activated(x, norm, Activation::none);
  }

  /// ReLU of the batch norm of the convolution.
  Variable<T> norm_relu(const Variable<T>& x, BatchNorm2d<T>& norm) {
    return norm_activated(x, norm, Activation::relu);
  }

  /// Any activation of the batch norm of the convolution.
  Variable<T> norm_activated(const Variable<T>& x, BatchNorm2d<T>& norm, Activation activation) {
    return this->called([&] {
      if (folds(norm)) {
        return Variable<T>((*packed(x, &norm))(x.value(), activation));
      }
      const auto [y, mean, variance] = with_moments(x, norm);
      return norm.activated(y, activation, {mean, variance});
    });
  }

  /// Batch norm of the convolution plus a shortcut beside it: the end of a residual block, of an
  /// inverted one without activation. Throws ShapeError unless the shortcut has the shape of the
  /// convolution.
  Variable<T> norm_add(const Variable<T>& x, BatchNorm2d<T>& norm, const Variable<T>& shortcut) {
    return norm_add_activated(x, norm, shortcut, Activation::none);
  }

  /// ReLU of the same sum: the end of a residual block.
  Variable<T> norm_add_relu(const Variable<T>& x, BatchNorm2d<T>& norm,
                            const Variable<T>& shortcut) {
    return norm_add_activated(x, norm, shortcut, Activation::relu);
  }

  /// Any activation of the same sum.
  Variable<T> norm_add_activated(const Variable<T>& x, BatchNorm2d<T>& norm,
                                 const Variable<T>& shortcut, Activation activation) {
    require<ShapeError>(shortcut.defined(), "Conv2d: expected a shortcut, got an undefined one");
    return this->called([&] {
      if (folds(norm)) {
        return Variable<T>((*packed(x, &norm))(x.value(), activation, shortcut.value()));
      }
      const auto [y, mean, variance] = with_moments(x, norm);
      return norm.add_activated(y, shortcut, activation, {mean, variance});
    });
  }

  /// Takes along a batch norm and what that takes along, with a max-pooling before it or not, or a
  /// ReLU; outside training, where nothing is recorded, any activation, and a max-pooling of 2 x 2
  /// behind a ReLU.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next) override {
    const auto* const pool = next.template get<MaxPool2d<T>>();
    if (auto* behind = next.template get<BatchNorm2d<T>>(1); pool != nullptr && behind != nullptr) {
      return pooled(x, *pool, *behind, next.behind(2));
    }
    auto* const norm = next.template get<BatchNorm2d<T>>();
    if (norm == nullptr ? keeps_packed() : folds(*norm)) {
      return infer(x, norm, next.behind(norm != nullptr ? 1 : 0));
    }
    if (norm == nullptr) {
      Convolution options = convolution();
      options.relu = next.template get<Relu<T>>() != nullptr;
      return {conv2d(x, weight_, bias_, options), options.relu ? 2U : 1U};
    }
    const auto [y, mean, variance] = with_moments(x, *norm);
    const auto behind = norm->fused(y, next.behind(1), {mean, variance});
    return {behind.y, behind.layers + 1};
  }

  /// The parameters (out, in / groups, KH, KW) and (out), to initialise, freeze or look at; the
  /// bias is undefined where there is none.
  Variable<T>& weight() { return weight_; }

  /// The bias (out); see weight().
  Variable<T>& bias() { return bias_; }

  /// The options that it was made with.
  const Conv2dOptions& options() const { return options_; }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("Conv2d(", in_, ", ", out_, ", kernel ", options_.kernel, ", stride ",
                      options_.stride, ", padding ", options_.padding, ", dilation ",
                      options_.dilation, ", groups ", options_.groups,
                      options_.bias ? ")" : ", no bias)");
  }

 private:
  /// Whether the weights stay as they are: in evaluation, where nothing is recorded. In training
  /// packed ones would be stale after a step, and go.
  bool keeps_packed() {
    if (this->training()) {
      packed_ = {};
    }
    return !this->training() && !grad_enabled();
  }
  bool folds(const BatchNorm2d<T>& norm) {
    return fusion_enabled() && keeps_packed() && !norm.uses_batch_statistics();
  }

  ConvolutionMoments<T> with_moments(const Variable<T>& x, const BatchNorm2d<T>& norm) const {
    if (norm.uses_batch_statistics()) {
      return conv2d_moments(x, weight_, bias_, convolution());
    }
    return {conv2d(x, weight_, bias_, convolution()), {}, {}};
  }

  /// With a max-pooling and a batch norm behind that. In training the pooling takes the statistics;
  /// outside it the batch norm is folded into the weights if it keeps the order of the values.
  Fused<T> pooled(const Variable<T>& x, const MaxPool2d<T>& pool, BatchNorm2d<T>& norm,
                  const NextLayers<T>& next) {
    if (folds(norm) && norm.keeps_order()) {
      const auto convolution = packed(x, &norm);
      if (!detail::pools_by_two(&pool)) {
        const Variable<T> y((*convolution)(x.value(), Activation::none));
        return {max_pool2d(y, pool.options()), 3};
      }
      const Activation activation = next_activation(next);
      return {Variable<T>(convolution->pool(x.value(), activation)),
              activation == Activation::none ? 3U : 4U};
    }
    const bool by_two = keeps_packed() && detail::pools_by_two(&pool);
    if (by_two || !norm.uses_batch_statistics()) {
      const auto y = by_two ? Variable<T>(packed(x)->pool(x.value(), Activation::none))
                            : max_pool2d((*this)(x), pool.options());
      const auto behind = norm.fused(y, next);
      return {behind.y, behind.layers + 2};
    }
    const auto [y, statistics] = max_pool2d_moments((*this)(x), pool.options());
    const auto behind = norm.fused(y, next, statistics);
    return {behind.y, behind.layers + 2};
  }

  Fused<T> infer(const Variable<T>& x, const BatchNorm2d<T>* norm, const NextLayers<T>& next) {
    const auto convolution = packed(x, norm);
    const std::size_t layers = norm != nullptr ? 2 : 1;
    const Activation activation = next_activation(next);
    if (activation == Activation::relu &&
        detail::pools_by_two(next.template get<MaxPool2d<T>>(1))) {
      return {Variable<T>(convolution->relu_pool(x.value())), layers + 2};
    }
    return {Variable<T>((*convolution)(x.value(), activation)),
            activation == Activation::none ? layers : layers + 1};
  }

  /// The convolution and the batch norm behind it with packed weights, which are made when
  /// something has changed, or images of another size want another kernel: results do not depend on
  /// what came before.
  auto packed(const Variable<T>& x, const BatchNorm2d<T>* norm = nullptr) {
    std::vector<TensorVersion> sources{weight_.value(), bias_.value()};
    if (norm != nullptr) {
      const auto more = norm->versions();
      sources.insert(sources.end(), more.begin(), more.end());
    }
    const auto make = [&] {
      const auto folded = norm != nullptr ? norm->folded() : ScaleShift<T>{};
      return PackedConvolution<T>(x.shape(), weight_.value(), bias_.value(), folded.scale,
                                  folded.shift, convolution());
    };
    return packed_.get(sources, make, [&](const auto& kept) { return kept.fits(x.shape()); });
  }

  Convolution convolution() const {
    return {options_.stride, options_.padding, options_.dilation, options_.groups,
            options_.algorithm};
  }

  void validate() const {
    const auto& [kernel, stride, padding, dilation, groups, bias, algorithm] = options_;
    cnnrnn::detail::check_convolution("conv2d", convolution());
    require<ValueError>(kernel.h > 0 && kernel.w > 0, "Conv2d: expected a positive kernel, got ",
                        kernel);
    require<ValueError>(in_ > 0 && out_ > 0 && in_ % groups == 0 && out_ % groups == 0,
                        "Conv2d: expected positive channels divisible by ", groups, " groups, got ",
                        in_, " and ", out_);
    const bool fits = kernel == Size2d(3) && stride == Size2d(1) && dilation == Size2d(1);
    require<ValueError>(algorithm != ConvAlgorithm::winograd || fits,
                        "Conv2d: expected a 3x3 kernel at stride 1 without dilation for Winograd's "
                        "algorithm, got ",
                        describe());
  }

  Index in_;
  Index out_;
  Conv2dOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
  Derived<PackedConvolution<T>> packed_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
