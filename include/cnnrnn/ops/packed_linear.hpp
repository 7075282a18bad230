#pragma once

#include "cnnrnn/ops/linear.hpp"

CNNRNN_NAMESPACE_BEGIN

/// A dense layer for inference: its weight is packed once, and does not see later changes of the
/// tensor that it was made of. Nothing is recorded, and any number of threads may call it at once.
template <class T>
class PackedLinear {
 public:
  /// weight (O, I), bias (O) or undefined. Throws as linear.
  PackedLinear(const Variable<T>& weight, const Variable<T>& bias)
      : weight_(weight),
        bias_(bias),
        packed_(kernels::linear_pack<T>({0, weight.dim(1), weight.dim(0)}, weight.value().data())) {
  }

  /// Whether inputs of this shape have so many rows that it is faster than linear.
  static bool pays(const Variable<T>& x) {
    const Index features = x.rank() > 0 ? x.dim(-1) : 0;
    return features > 0 && kernels::linear_uses_packed({x.value().size() / features, features, 0});
  }

  /// x (..., I) -> y (..., O), through a ReLU or not. Throws ShapeError.
  Variable<T> operator()(const Variable<T>& x, bool relu) const {
    const kernels::LinearDims d = detail::linear_dims(x, weight_, bias_);
    Tensor<T> y(x.shape().with(-1, d.o));
    kernels::linear_forward(d, x.value().data(), packed_, bias_.value().data(), y.mutable_data(),
                            relu);
    return Variable<T>(y);
  }

 private:
  Variable<T> weight_;
  Variable<T> bias_;
  kernels::PackedB<Accumulator<T>> packed_;
};

CNNRNN_NAMESPACE_END
