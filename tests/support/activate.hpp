#pragma once

#include <array>

#include "cnnrnn/ops/gelu.hpp"
#include "cnnrnn/ops/hard_swish.hpp"
#include "cnnrnn/ops/leaky_relu.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "cnnrnn/ops/relu6.hpp"
#include "cnnrnn/ops/silu.hpp"

inline constexpr std::array activations{
    cnnrnn::Activation::none, cnnrnn::Activation::relu,       cnnrnn::Activation::relu6,
    cnnrnn::Activation::silu, cnnrnn::Activation::hard_swish, cnnrnn::Activation::leaky_relu,
    cnnrnn::Activation::gelu, cnnrnn::Activation::gelu_tanh};

/// An activation by the op of its own.
template <class T>
cnnrnn::Variable<T> activate(const cnnrnn::Variable<T>& x, cnnrnn::Activation activation) {
  switch (activation) {
    case cnnrnn::Activation::relu:
      return relu(x);
    case cnnrnn::Activation::relu6:
      return relu6(x);
    case cnnrnn::Activation::silu:
      return silu(x);
    case cnnrnn::Activation::hard_swish:
      return hard_swish(x);
    case cnnrnn::Activation::leaky_relu:
      return leaky_relu(x);
    case cnnrnn::Activation::gelu:
      return gelu(x);
    case cnnrnn::Activation::gelu_tanh:
      return gelu(x, cnnrnn::GeluApproximation::tanh);
    case cnnrnn::Activation::none:
      break;
  }
  return x;
}
