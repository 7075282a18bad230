#pragma once

#include <string>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/packed_linear.hpp"

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

  Variable<T> operator()(const Variable<T>& x) override {
    return this->called([&] { return run(x, false); });
  }

  /// Takes along a ReLU.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next) override {
    if (next.template get<Relu<T>>() == nullptr) {
      return {(*this)(x)};
    }
    return {run(x, true), 2};
  }

  /// The parameters, to initialise, freeze or look at; the bias is undefined where there is none.
  Variable<T>& weight() { return weight_; }
  Variable<T>& bias() { return bias_; }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("Linear(", weight_.dim(1), ", ", weight_.dim(0),
                      bias_.defined() ? ")" : ", no bias)");
  }

 private:
  /// In evaluation, where nothing is recorded, the packed weight is kept if it is of use. In
  /// training it would be stale after a step, and goes.
  Variable<T> run(const Variable<T>& x, bool relu) {
    if (this->training()) {
      packed_ = {};
    }
    if (this->training() || grad_enabled() || !PackedLinear<T>::pays(x)) {
      return cnnrnn::detail::linear(x, weight_, bias_, relu);
    }
    const auto packed = packed_.get({weight_.value(), bias_.value()},
                                    [&] { return PackedLinear<T>(weight_, bias_); });
    return (*packed)(x, relu);
  }

  Variable<T> weight_;
  Variable<T> bias_;
  Derived<T, PackedLinear<T>> packed_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
