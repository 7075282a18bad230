#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/pointwise/gelu.hpp"
#include "cnnrnn/kernels/pointwise/hard_swish.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"
#include "cnnrnn/kernels/pointwise/relu6.hpp"
#include "cnnrnn/kernels/pointwise/silu.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What a convolution or a batch norm does to its result in the same pass; see the ops of the same
/// names. leaky_relu has PyTorch's slope of 0.01, gelu is the exact one.
enum class Activation { none, relu, relu6, silu, hard_swish, leaky_relu, gelu, gelu_tanh };

/// The slope of Activation::leaky_relu.
inline constexpr double leaky_relu_slope = 0.01;

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

template <class T>
struct LeakyReluFunction {
  static constexpr bool by_value = true;
  static Packet<T> value(Packet<T> z) { return select_less(Packet<T>::zero(), z, z, lower(z)); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) {
    return select_less(Packet<T>::zero(), z, dy, lower(dy));
  }

 private:
  static Packet<T> lower(Packet<T> z) {
    return Packet<T>::set(static_cast<T>(leaky_relu_slope)) * z;
  }
};

template <class T>
struct GeluFunction {
  static constexpr bool by_value = false;
  static Packet<T> value(Packet<T> z) { return gelu(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return gelu_gradient(z, dy); }
};

template <class T>
struct GeluTanhFunction {
  static constexpr bool by_value = false;
  static Packet<T> value(Packet<T> z) { return gelu_tanh(z); }
  static Packet<T> gradient(Packet<T> z, Packet<T> dy) { return gelu_tanh_gradient(z, dy); }
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
    case Activation::leaky_relu:
      return body(LeakyReluFunction<T>{});
    case Activation::gelu:
      return body(GeluFunction<T>{});
    case Activation::gelu_tanh:
      return body(GeluTanhFunction<T>{});
    case Activation::none:
      break;
  }
  return body(IdentityFunction<T>{});
}

/// y through an activation, in place
template <class T>
void activate_in_place(Activation activation, Index count, T* y) {
  if (activation == Activation::none) {
    return;
  }
  constexpr Index block = 1 << 14;
  with_activation<Accumulator<T>>(activation, [=](auto function) {
    parallel_for(count, block, [=](Index begin, Index end) {
      T* const rows = y + begin;
      for_each_lanes<T>(end - begin, [=](const auto& lanes) {
        lanes.store(rows, function.value(lanes.load(rows)));
      });
    });
  });
}

CNNRNN_KERNELS_END
