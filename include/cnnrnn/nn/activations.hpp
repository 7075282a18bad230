#pragma once

#include <cmath>
#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/gelu.hpp"
#include "cnnrnn/ops/hard_sigmoid.hpp"
#include "cnnrnn/ops/hard_swish.hpp"
#include "cnnrnn/ops/leaky_relu.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "cnnrnn/ops/relu6.hpp"
#include "cnnrnn/ops/sigmoid.hpp"
#include "cnnrnn/ops/silu.hpp"
#include "cnnrnn/ops/tanh.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Rectified linear unit as a layer; see relu.
template <class T>
class Relu : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return relu(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Relu()"; }
};

/// Rectified linear unit with a ceiling as a layer; see relu6.
template <class T>
class Relu6 : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return relu6(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Relu6()"; }
};

/// Leaky rectified linear unit as a layer; see leaky_relu. Throws ValueError for a slope that is
/// not finite.
template <class T>
class LeakyRelu : public Layer<T> {
 public:
  /// Throws ValueError unless the slope is finite.
  explicit LeakyRelu(double slope = 0.01) : slope_(slope) {
    require<ValueError>(std::isfinite(slope), "LeakyRelu: expected a finite slope, got ", slope);
  }

  Variable<T> operator()(const Variable<T>& x) override { return leaky_relu(x, slope_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return to_message("LeakyRelu(slope ", slope_, ')'); }

  /// The slope of the negative side.
  double slope() const { return slope_; }

 private:
  double slope_;
};

/// Logistic function as a layer; see sigmoid.
template <class T>
class Sigmoid : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return sigmoid(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Sigmoid()"; }
};

/// Piecewise linear sigmoid as a layer; see hard_sigmoid.
template <class T>
class HardSigmoid : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return hard_sigmoid(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "HardSigmoid()"; }
};

/// Hyperbolic tangent as a layer; see tanh.
template <class T>
class Tanh : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return tanh(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Tanh()"; }
};

/// Sigmoid linear unit, also called swish, as a layer; see silu.
template <class T>
class Silu : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return silu(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Silu()"; }
};

/// Swish with a piecewise linear sigmoid as a layer; see hard_swish.
template <class T>
class HardSwish : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return hard_swish(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "HardSwish()"; }
};

/// Gaussian error linear unit as a layer; see gelu.
template <class T>
class Gelu : public Layer<T> {
 public:
  /// Exact, or by the tanh approximation.
  explicit Gelu(GeluApproximation approximation = GeluApproximation::none)
      : approximation_(approximation) {}

  Variable<T> operator()(const Variable<T>& x) override { return gelu(x, approximation_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    return approximation_ == GeluApproximation::none ? "Gelu()" : "Gelu(tanh)";
  }

  /// Which of the two formulas it computes.
  GeluApproximation approximation() const { return approximation_; }

 private:
  GeluApproximation approximation_;
};

namespace detail {

/// An activation by the op of its own.
template <class T>
Variable<T> activate(const Variable<T>& x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return relu(x);
    case Activation::relu6:
      return relu6(x);
    case Activation::silu:
      return silu(x);
    case Activation::hard_swish:
      return hard_swish(x);
    case Activation::leaky_relu:
      return leaky_relu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu(x, GeluApproximation::tanh);
    case Activation::none:
      break;
  }
  return x;
}

}  // namespace detail

/// The activation behind a layer that it can take along, or none.
template <class T>
Activation next_activation(const NextLayers<T>& next) {
  if (next.template get<Relu<T>>() != nullptr) {
    return Activation::relu;
  }
  if (next.template get<Relu6<T>>() != nullptr) {
    return Activation::relu6;
  }
  if (next.template get<Silu<T>>() != nullptr) {
    return Activation::silu;
  }
  if (next.template get<HardSwish<T>>() != nullptr) {
    return Activation::hard_swish;
  }
  if (const auto* leaky = next.template get<LeakyRelu<T>>(); leaky != nullptr) {
    return leaky->slope() == leaky_relu_slope ? Activation::leaky_relu : Activation::none;
  }
  if (const auto* gelu = next.template get<Gelu<T>>(); gelu != nullptr) {
    return gelu->approximation() == GeluApproximation::none ? Activation::gelu
                                                            : Activation::gelu_tanh;
  }
  return Activation::none;
}

}  // namespace nn
CNNRNN_NAMESPACE_END
