#pragma once

#include <cmath>
#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/group_norm.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of GroupNorm.
struct GroupNormOptions {
  double epsilon = 1e-5;  ///< added to the variance
  bool affine = true;     ///< learn a weight and a bias
};

/// Group normalisation as a layer, of images (N, H, W, C) or anything (N, ..., C); see group_norm.
/// The weight (C) starts at 1, the bias (C) at 0. Throws ValueError for groups that do not divide
/// the channels or an epsilon that is not positive.
template <class T>
class GroupNorm : public Layer<T> {
 public:
  /// A normalisation of `groups` groups of `channels` channels.
  GroupNorm(Index groups, Index channels, const GroupNormOptions& options = {})
      : groups_(groups), channels_(channels), epsilon_(options.epsilon) {
    require<ValueError>(channels > 0 && groups > 0 && channels % groups == 0,
                        "GroupNorm: expected groups that divide the channels, got ", groups,
                        " and ", channels);
    require<ValueError>(epsilon_ > 0 && std::isfinite(epsilon_),
                        "GroupNorm: expected a positive epsilon, got ", epsilon_);
    if (options.affine) {
      weight_ = Variable<T>(Tensor<T>::ones({channels}), true);
      bias_ = Variable<T>(Tensor<T>::zeros({channels}), true);
    }
  }

  Variable<T> operator()(const Variable<T>& x) override {
    return this->called([&] {
      require<ShapeError>(x.rank() >= 2 && x.dim(-1) == channels_,
                          "GroupNorm: expected x (N, ..., ", channels_, "), got ", x.shape());
      return group_norm(x, groups_, weight_, bias_, epsilon_);
    });
  }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("GroupNorm(", groups_, ", ", channels_, ", epsilon ", epsilon_,
                      weight_.defined() ? ")" : ", not affine)");
  }

  /// The scale (C); undefined unless affine.
  Variable<T>& weight() { return weight_; }

  /// What is added behind the scale, (C); undefined unless affine.
  Variable<T>& bias() { return bias_; }

 private:
  Index groups_;
  Index channels_;
  double epsilon_;
  Variable<T> weight_, bias_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
