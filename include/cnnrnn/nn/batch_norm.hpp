#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/batch_norm_pool.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of BatchNorm1d and BatchNorm2d.
struct BatchNormOptions {
  double epsilon = 1e-5;                 ///< added to the variance
  std::optional<double> momentum = 0.1;  ///< none: the plain average over all batches so far
  bool affine = true;                    ///< learn a weight and a bias
  bool track_running_statistics = true;  ///< else evaluation uses the batch's statistics too
  bool scale = true;                     ///< false: an affine one without a weight, scaled by 1
  bool shift = true;                     ///< false: an affine one without a bias
};

/// scale and shift (C) of each channel.
template <class T>
struct ScaleShift {
  Tensor<Accumulator<T>> scale;  ///< what a channel is multiplied by, (C)
  Tensor<Accumulator<T>> shift;  ///< what is added behind that, (C)
};

/// What BatchNorm1d and BatchNorm2d share; see batch_norm. The parameters are weight (C), starting
/// at 1, and bias (C), at 0, as far as the options have them; the buffers running_mean (C),
/// running_var (C), num_batches_tracked ().
template <class T>
class BatchNorm : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return alone(x, Activation::none, {}); }

  /// The same where whoever made x may have found its statistics already.
  Variable<T> operator()(const Variable<T>& x, const BatchStatistics<T>& batch) {
    return alone(x, Activation::none, batch);
  }

  /// ReLU of the batch norm, in one pass. Whoever made x may have found its statistics already.
  Variable<T> relu(const Variable<T>& x, const BatchStatistics<T>& batch = {}) {
    return alone(x, Activation::relu, batch);
  }

  /// Any activation of the batch norm, in one pass.
  Variable<T> activated(const Variable<T>& x, Activation activation,
                        const BatchStatistics<T>& batch = {}) {
    return alone(x, activation, batch);
  }

  /// Batch norm plus a shortcut beside it, in one pass; see batch_norm_add.
  Variable<T> add(const Variable<T>& x, const Variable<T>& shortcut,
                  const BatchStatistics<T>& batch = {}) {
    return with_shortcut(x, shortcut, Activation::none, batch);
  }

  /// ReLU of the batch norm plus a shortcut, in one pass: the end of a residual block.
  Variable<T> add_relu(const Variable<T>& x, const Variable<T>& shortcut,
                       const BatchStatistics<T>& batch = {}) {
    return with_shortcut(x, shortcut, Activation::relu, batch);
  }

  /// Any activation of the batch norm plus a shortcut, in one pass.
  Variable<T> add_activated(const Variable<T>& x, const Variable<T>& shortcut,
                            Activation activation, const BatchStatistics<T>& batch = {}) {
    return with_shortcut(x, shortcut, activation, batch);
  }

  /// ReLU of the batch norm, pooled by windows of 2 x 2, in one pass; see batch_norm_relu_pool.
  Variable<T> relu_pool(const Variable<T>& x, const BatchStatistics<T>& batch = {}) {
    if (!fusion_enabled()) {
      return max_pool2d(relu(x, batch), {.kernel = 2});
    }
    return normalise(x, Activation::relu, [&](const auto& options) {
      return batch_norm_relu_pool(x, weight_, bias_, running(), options, batch);
    });
  }

  /// Takes along an activation, and a max-pooling of 2 x 2 behind a ReLU.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next) override {
    return fused(x, next, {});
  }

  /// The same, with statistics that whoever made x has found already.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next, const BatchStatistics<T>& batch) {
    const Activation activation = next_activation(next);
    if (activation == Activation::relu &&
        detail::pools_by_two(next.template get<MaxPool2d<T>>(1))) {
      return {relu_pool(x, batch), 3};
    }
    return {alone(x, activation, batch), activation == Activation::none ? 1U : 2U};
  }

  /// Whether the next call normalises with the statistics of its batch.
  bool uses_batch_statistics() const {
    return this->training() || !options_.track_running_statistics;
  }

  /// scale and shift (C) of what it is outside training, y = scale x + shift: to be folded into the
  /// layer before it. Throws ValueError if it uses the statistics of the batch.
  ScaleShift<T> folded() const {
    require<ValueError>(!uses_batch_statistics(), name(),
                        ": expected running statistics to fold, got those of the batch");
    const cnnrnn::detail::BatchNormChannels<T> all({running_mean_, running_var_}, options_.epsilon,
                                                   weight_.value(), bias_.value());
    using A = Accumulator<T>;
    ScaleShift<T> result{Tensor<A>({channels_}), Tensor<A>({channels_})};
    for (Index c = 0; c < channels_; ++c) {
      result.scale.mutable_at(c) = all.scale()[c];
      result.shift.mutable_at(c) = all.shift()[c] - all.mean()[c] * all.scale()[c];
    }
    return result;
  }

  /// Whether it keeps the order of the values in each channel, outside training: then it may as
  /// well stand before a max-pooling as behind it.
  bool keeps_order() const {
    const auto scales = weight_.value().span();
    return std::all_of(scales.begin(), scales.end(), [](T scale) { return scale >= 0; });
  }

  /// All tensors that folded() depends on; undefined those that are not there.
  std::array<Tensor<T>, 4> state() const requires(!is_bfloat16<T>) {
    return {weight_.value(), bias_.value(), running_mean_, running_var_};
  }

  /// The same as they are now, to notice a change.
  std::array<TensorVersion, 4> versions() const {
    return {weight_.value(), bias_.value(), running_mean_, running_var_};
  }

  /// The parameters (C), to initialise, freeze or look at; undefined where the options leave them
  /// out.
  Variable<T>& weight() { return weight_; }

  /// What is added behind the scale, (C); see weight().
  Variable<T>& bias() { return bias_; }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
    if (options_.track_running_statistics) {
      visitor("running_mean", running_mean_);
      visitor("running_var", running_var_);
      visitor("num_batches_tracked", num_batches_tracked_);
    }
  }

  std::string describe() const override {
    const auto& [epsilon, momentum, affine, tracked, scale, shift] = options_;
    return to_message(name(), '(', channels_, ", epsilon ", epsilon, ", momentum ",
                      momentum ? to_message(*momentum) : "none", affine ? "" : ", not affine",
                      scale || !affine ? "" : ", no scale", shift || !affine ? "" : ", no shift",
                      tracked ? ")" : ", no running statistics)");
  }

 protected:
  /// Throws ValueError for options out of range.
  BatchNorm(const char* name, Index channels, const BatchNormOptions& options)
      : channels_(channels), options_(options) {
    require<ValueError>(channels > 0, name, ": expected a positive number of channels, got ",
                        channels);
    require<ValueError>(options.epsilon > 0 && std::isfinite(options.epsilon), name,
                        ": expected a positive epsilon, got ", options.epsilon);
    const double momentum = options.momentum.value_or(0);
    require<ValueError>(momentum >= 0 && momentum <= 1, name,
                        ": expected a momentum of 0 to 1, or none, got ", momentum);
    if (options.affine && options.scale) {
      weight_ = Variable<T>(Tensor<T>::ones({channels}), true);
    }
    if (options.affine && options.shift) {
      bias_ = Variable<T>(Tensor<T>::zeros({channels}), true);
    }
    if (options.track_running_statistics) {
      running_mean_ = Tensor<Accumulator<T>>::zeros({channels});
      running_var_ = Tensor<Accumulator<T>>::ones({channels});
      num_batches_tracked_ = Tensor<Index>::scalar(0);
    }
  }

 private:
  virtual const char* name() const = 0;
  virtual void check_rank(const Shape& x) const = 0;

  /// Whether an activation runs by itself, behind the batch norm.
  static bool apart(Activation activation) {
    return activation != Activation::none && !fusion_enabled();
  }

  Variable<T> alone(const Variable<T>& x, Activation activation, const BatchStatistics<T>& batch) {
    if (apart(activation)) {
      return detail::activate(alone(x, Activation::none, batch), activation);
    }
    return normalise(x, activation, [&](const auto& options) {
      return batch_norm(x, weight_, bias_, running(), options, batch);
    });
  }

  Variable<T> with_shortcut(const Variable<T>& x, const Variable<T>& shortcut,
                            Activation activation, const BatchStatistics<T>& batch) {
    if (apart(activation)) {
      return detail::activate(with_shortcut(x, shortcut, Activation::none, batch), activation);
    }
    return normalise(x, activation, [&](const auto& options) {
      return batch_norm_add(x, shortcut, weight_, bias_, running(), options, batch);
    });
  }

  /// Runs an op on a batch x, which is counted if it is one to learn from.
  template <class Op>
  Variable<T> normalise(const Variable<T>& x, Activation activation, const Op& op) {
    return this->called([&] {
      check_rank(x.shape());
      require<ShapeError>(x.dim(-1) == channels_, name(), ": expected ", channels_,
                          " channels, got ", x.shape());
      const bool counted = options_.track_running_statistics && this->training();
      auto y = op(BatchNormalization{.training = uses_batch_statistics(),
                                     .epsilon = options_.epsilon,
                                     .momentum = counted ? momentum() : 0,
                                     .activation = activation});
      if (counted) {
        ++num_batches_tracked_.mutable_at();
      }
      return y;
    });
  }

  RunningStatistics<T> running() const { return {running_mean_, running_var_}; }

  /// The weight of the next batch in the running statistics: the option, or its share of all.
  double momentum() const {
    const auto batches = static_cast<double>(num_batches_tracked_.item() + 1);
    return options_.momentum.value_or(1 / batches);
  }

  Index channels_;
  BatchNormOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
  Tensor<Accumulator<T>> running_mean_;
  Tensor<Accumulator<T>> running_var_;
  Tensor<Index> num_batches_tracked_;
};

/// Batch norm of features x (N, C) or sequences x (N, T, C).
template <class T>
class BatchNorm1d : public BatchNorm<T> {
 public:
  /// A batch norm of `channels` channels.
  explicit BatchNorm1d(Index channels, const BatchNormOptions& options = {})
      : BatchNorm<T>("BatchNorm1d", channels, options) {}

 private:
  const char* name() const override { return "BatchNorm1d"; }
  void check_rank(const Shape& x) const override {
    require<ShapeError>(x.rank() == 2 || x.rank() == 3,
                        "BatchNorm1d: expected x (N, C) or (N, T, C), got ", x);
  }
};

/// Batch norm of images x (N, H, W, C).
template <class T>
class BatchNorm2d : public BatchNorm<T> {
 public:
  /// A batch norm of `channels` channels.
  explicit BatchNorm2d(Index channels, const BatchNormOptions& options = {})
      : BatchNorm<T>("BatchNorm2d", channels, options) {}

 private:
  const char* name() const override { return "BatchNorm2d"; }
  void check_rank(const Shape& x) const override {
    require<ShapeError>(x.rank() == 4, "BatchNorm2d: expected x (N, H, W, C), got ", x);
  }
};

}  // namespace nn
CNNRNN_NAMESPACE_END
