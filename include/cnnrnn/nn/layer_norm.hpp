#pragma once

#include <cmath>
#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/group_norm.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of LayerNorm.
struct LayerNormOptions {
  double epsilon = 1e-5;  ///< added to the variance
  bool affine = true;     ///< learn a weight and a bias: PyTorch's elementwise_affine
  bool bias = true;       ///< false: of these the weight alone
};

/// Layer normalisation as a layer, (..., normalized) -> the same; see layer_norm. Weight and bias
/// have the shape `normalized`, of one axis (the channels) or more, and start at 1 and 0. Throws
/// ValueError for an empty shape or an epsilon that is not positive.
template <class T>
class LayerNorm : public Layer<T> {
 public:
  /// A normalisation over the last axes, which have the shape `normalized`.
  explicit LayerNorm(const Shape& normalized, const LayerNormOptions& options = {})
      : normalized_(normalized), epsilon_(options.epsilon) {
    require<ValueError>(normalized.rank() > 0 && normalized.size() > 0,
                        "LayerNorm: expected a shape with elements, got ", normalized);
    require<ValueError>(epsilon_ > 0 && std::isfinite(epsilon_),
                        "LayerNorm: expected a positive epsilon, got ", epsilon_);
    if (options.affine) {
      weight_ = Variable<T>(Tensor<T>::ones(normalized), true);
    }
    if (options.affine && options.bias) {
      bias_ = Variable<T>(Tensor<T>::zeros(normalized), true);
    }
  }

  /// A normalisation over the last axis.
  explicit LayerNorm(Index channels, const LayerNormOptions& options = {})
      : LayerNorm(Shape{channels}, options) {}

  Variable<T> operator()(const Variable<T>& x) override {
    return this->called([&] { return layer_norm(x, normalized_, weight_, bias_, epsilon_); });
  }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("LayerNorm(", normalized_, ", epsilon ", epsilon_,
                      !weight_.defined() ? ", not affine)"
                      : bias_.defined()  ? ")"
                                         : ", no bias)");
  }

  /// The scale; undefined unless affine.
  Variable<T>& weight() { return weight_; }

  /// What is added behind the scale; undefined without a bias.
  Variable<T>& bias() { return bias_; }

 private:
  Shape normalized_;
  double epsilon_;
  Variable<T> weight_, bias_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
