#pragma once

#include <algorithm>
#include <string>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/packed_linear.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Linear.
struct LinearOptions {
  bool bias = true;       ///< learn a bias
  Index zero_inputs = 0;  ///< the last ones, whose weights start at zero: the layer begins without
};

/// Dense layer, (..., in) -> (..., out); see linear. The weight starts Kaiming normal for ReLU, but
/// for zero_inputs, and the bias at zero. Throws ValueError unless both widths are positive and
/// there are zero_inputs inputs.
template <class T>
class Linear : public Layer<T> {
 public:
  /// A dense layer of `in` to `out` features, with initial weights drawn from `random`.
  Linear(Index in, Index out, const LinearOptions& options, Random& random) {
    require<ValueError>(in > 0 && out > 0, "Linear: expected positive widths, got ", in, " and ",
                        out);
    require<ValueError>(options.zero_inputs >= 0 && options.zero_inputs <= in,
                        "Linear: expected 0 to ", in, " inputs that start at zero, got ",
                        options.zero_inputs);
    weight_ = Variable<T>(initial_weight(in, out, options.zero_inputs, random), true);
    if (options.bias) {
      bias_ = Variable<T>(Tensor<T>::zeros({out}), true);
    }
  }

  /// The same with default options.
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

  /// The parameters (out, in) and (out), to initialise, freeze or look at; the bias is undefined
  /// where there is none.
  Variable<T>& weight() { return weight_; }

  /// The bias (out); see weight().
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
  static Tensor<T> initial_weight(Index in, Index out, Index zero_inputs, Random& random) {
    auto weight = Tensor<T>::zeros({out, in});
    const Index started = in - zero_inputs;
    if (started > 0) {
      Tensor<T> part({out, started});
      init::kaiming_normal(part, random);
      for (Index row = 0; row < out; ++row) {
        std::copy_n(part.data() + row * started, started, weight.mutable_data() + row * in);
      }
    }
    return weight;
  }

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
  Derived<PackedLinear<T>> packed_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
