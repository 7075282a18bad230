#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/derived.hpp"
#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// What Conv1d and the transposed convolutions share: a weight, which starts Kaiming normal for
/// ReLU, a bias, which starts at zero, and the layers that they take along. These are a ReLU and,
/// outside training, where nothing is recorded, a batch norm, `Norm`, which is folded into weight
/// and bias.
template <class T, class Norm>
class FoldingConvolution : public Layer<T> {
 public:
  /// y of x, with packed weights in evaluation.
  Variable<T> operator()(const Variable<T>& x) override {
    return this->called([&] { return convolve(x, weight_, bias_, false); });
  }

  /// Takes along what the convolution does.
  Fused<T> fused(const Variable<T>& x, const NextLayers<T>& next) override {
    auto* const norm = next.template get<Norm>();
    const bool folds =
        norm != nullptr && !this->training() && !grad_enabled() && !norm->uses_batch_statistics();
    const std::size_t layers = folds ? 2 : 1;
    const bool relu = next.template get<Relu<T>>(layers - 1) != nullptr;
    const auto parameters = folds ? folded(*norm) : Parameters{weight_, bias_};
    return {convolve(x, parameters.weight, parameters.bias, relu), relu ? layers + 1 : layers};
  }

  /// The parameters, to initialise, freeze or look at; the bias is undefined where there is none.
  Variable<T>& weight() { return weight_; }

  /// The bias (out); see weight().
  Variable<T>& bias() { return bias_; }

  /// Lists the weight and the bias.
  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

 protected:
  /// A weight of that shape; the outputs are its first axis, or its second one of each group.
  FoldingConvolution(const Shape& weight, Index outputs, bool bias, Random& random)
      : outputs_(outputs) {
    Tensor<T> values(weight);
    init::kaiming_normal(values, random);
    weight_ = Variable<T>(values, true);
    if (bias) {
      bias_ = Variable<T>(Tensor<T>::zeros({outputs}), true);
    }
  }

 private:
  struct Parameters {
    Variable<T> weight, bias;
  };

  virtual Variable<T> convolve(const Variable<T>& x, const Variable<T>& weight,
                               const Variable<T>& bias, bool relu) const = 0;

  /// Which output the part (i, j) of the weight, indices of its first two axes, belongs to.
  virtual Index output_of(Index i, Index j) const = 0;

  /// The parameters of convolution and batch norm together, made when something has changed.
  Parameters folded(const Norm& norm) {
    std::vector<TensorVersion> sources{weight_.value(), bias_.value()};
    const auto more = norm.versions();
    sources.insert(sources.end(), more.begin(), more.end());
    return *folded_.get(sources, [&] { return fold(norm.folded()); });
  }

  Parameters fold(const ScaleShift<T>& behind) const {
    Tensor<T> weight = weight_.value().clone();
    const Index inner = weight.dim(1);
    const Index taps = weight.size() / (weight.dim(0) * inner);
    for (Index part = 0; part < weight.dim(0) * inner; ++part) {
      const Accumulator<T> scale = behind.scale(output_of(part / inner, part % inner));
      T* const values = weight.mutable_data() + part * taps;
      std::transform(values, values + taps, values,
                     [=](T value) { return static_cast<T>(value * scale); });
    }
    Tensor<Accumulator<T>> bias = behind.shift.clone();
    for (Index o = 0; bias_.defined() && o < outputs_; ++o) {
      bias.mutable_at(o) += bias_.value()(o) * behind.scale(o);
    }
    return {weight, bias.template to<T>()};
  }

  Index outputs_;
  Variable<T> weight_;
  Variable<T> bias_;
  Derived<Parameters> folded_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
