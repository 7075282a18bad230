#pragma once

#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"
#include "cnnrnn/kernels/recurrent/cell.hpp"

// Elman 1990: h' = tanh(x W_ih + h W_hh + b), or with a ReLU.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A function of a packet, and its gradient from its value.
struct TanhOfPacket {
  template <class T>
  static Packet<T> value(Packet<T> a) {
    return tanh(a);
  }
  template <class T>
  static Packet<T> gradient(Packet<T> y, Packet<T> dy) {
    return dy * (Packet<T>::set(T(1)) - y * y);
  }
};

struct ReluOfPacket {
  template <class T>
  static Packet<T> value(Packet<T> a) {
    return relu(a);
  }
  template <class T>
  static Packet<T> gradient(Packet<T> y, Packet<T> dy) {
    return relu_gradient(y, dy);
  }
};

}  // namespace detail

template <class T, class Function>
void rnn_forward_step(const ForwardStep<T>& s) {
  s.multiply(0, s.h, {s.product.data, s.product.stride, true});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const product = s.product[row];
    T* const gates = s.trace.gates[row];
    T* const h = s.h[row];
    T* const y = s.y[row];
    T* const before = s.trace.before[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto next = Function::value(lanes.load(product));
      lanes.store(before, lanes.load(h));
      lanes.store(gates, next);
      lanes.store(h, next);
      lanes.store(y, next);
    });
  });
}

template <class T, class Function>
void rnn_backward_step(const BackwardStep<T>& s) {
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const gates = s.trace.gates[row];
    const T* const dy = s.dy[row];
    T* const dgates = s.dgates[row];
    T* const dh = s.dh[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto dh_next = lanes.load(dh) + lanes.load(dy);
      lanes.store(dgates, Function::gradient(lanes.load(gates), dh_next));
      lanes.store(dh, Packet<T>::zero());
    });
  });
  s.multiply(0, s.dgates, {s.dh.data, s.dh.stride, true});
}

template <class T>
RecurrentCell<T> rnn_cell(bool relu) {
  using Tanh = detail::TanhOfPacket;
  using Relu = detail::ReluOfPacket;
  return {"rnn",
          1,
          false,
          false,
          {{0, 1}},
          relu ? rnn_forward_step<T, Relu> : rnn_forward_step<T, Tanh>,
          relu ? rnn_backward_step<T, Relu> : rnn_backward_step<T, Tanh>};
}

CNNRNN_KERNELS_END
