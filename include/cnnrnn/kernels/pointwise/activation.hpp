#pragma once

#include "cnnrnn/kernels/pointwise/hard_swish.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"
#include "cnnrnn/kernels/pointwise/relu6.hpp"
#include "cnnrnn/kernels/pointwise/silu.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What a convolution or a batch norm does to its result in the same pass; see the ops of the same
/// names.
enum class Activation { none, relu, relu6, silu, hard_swish };

CNNRNN_NAMESPACE_END

CNNRNN_KERNELS_BEGIN

// Activations of packets: value(z) and gradient(z, dy). Where `by_value`, y = value(z) has the
// gradient of z and can stand for it.

template <class T>
struct IdentityFunction {
  static constexpr bool by_value = true;
  static Packet<T> value(Packet<T> z) { return z; }
  static Packet<T> gradient(Packet<T> /*z*/, Packet<T> dy) { return dy; }
};

template <class T>
struct ReluFunction {
  static constexpr bool by_value = true;
  static Packet<T> value(Packet<T> z) { return relu(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return relu_gradient(z, dy); }
};

template <class T>
struct Relu6Function {
  static constexpr bool by_value = true;
  static Packet<T> value(Packet<T> z) { return relu6(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return relu6_gradient(z, dy); }
};

template <class T>
struct SiluFunction {
  static constexpr bool by_value = false;
  static Packet<T> value(Packet<T> z) { return silu(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return silu_gradient(z, dy); }
};

template <class T>
struct HardSwishFunction {
  static constexpr bool by_value = false;
  static Packet<T> value(Packet<T> z) { return hard_swish(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return hard_swish_gradient(z, dy); }
};

/// Calls body(function) with the packet functions of an activation, so that the choice is made
/// outside of the loop.
template <class T, class Body>
auto with_activation(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::relu:
      return body(ReluFunction<T>{});
    case Activation::relu6:
      return body(Relu6Function<T>{});
    case Activation::silu:
      return body(SiluFunction<T>{});
    case Activation::hard_swish:
      return body(HardSwishFunction<T>{});
    case Activation::none:
      break;
  }
  return body(IdentityFunction<T>{});
}

CNNRNN_KERNELS_END
