#pragma once

#include <string>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/linear.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

struct LinearOptions {
  bool bias = true;
};

/// Dense layer, (..., in) -> (..., out); see linear. The weight starts Kaiming normal for ReLU, the
/// bias at zero. Throws ValueError unless both widths are positive.
template <class T>
class Linear : public Layer<T> {
 public:
  Linear(Index in, Index out, const LinearOptions& options, Random& random) {
    require<ValueError>(in > 0 && out > 0, "Linear: expected positive widths, got ", in, " and ",
                        out);
    Tensor<T> weight({out, in});
    init::kaiming_normal(weight, random);
    weight_ = Variable<T>(weight, true);
    if (options.bias) {
      bias_ = Variable<T>(Tensor<T>::zeros({out}), true);
    }
  }

  Linear(Index in, Index out, Random& random) : Linear(in, out, LinearOptions{}, random) {}

  Variable<T> operator()(const Variable<T>& x) override { return linear(x, weight_, bias_); }

  /// Takes along a ReLU.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next) override {
    if (next.template get<Relu<T>>() == nullptr) {
      return {(*this)(x)};
    }
    return {linear_relu(x, weight_, bias_), 2};
  }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("Linear(", weight_.dim(1), ", ", weight_.dim(0),
                      bias_.defined() ? ")" : ", no bias)");
  }

 private:
  Variable<T> weight_;
  Variable<T> bias_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
