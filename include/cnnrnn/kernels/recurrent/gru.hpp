#pragma once

#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/recurrent/cell.hpp"

// Cho et al. 2014, in two forms that differ in where the reset gate acts; gates in the order r z n.
// In both h' = (1 - z) n + z h.

CNNRNN_KERNELS_BEGIN

/// n = tanh(x W_in + r (h W_hn + b_hn)), as cuDNN and PyTorch have it. Keeps what r multiplies.
template <class T>
void gru_forward_step(const ForwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.multiply(0, s.h, {s.product.data, s.product.stride, true});
  s.multiply(1, s.h, {s.apart.data, s.apart.stride, false, s.weights.apart_bias});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const product = s.product[row];
    const T* const apart = s.apart[row];
    T* const gates = s.trace.gates[row];
    T* const h = s.h[row];
    T* const y = s.y[row];
    T* const before = s.trace.before[row];
    T* const kept = s.trace.kept[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto r = sigmoid(lanes.load(product));
      const auto z = sigmoid(lanes.load(product + u));
      const auto state = lanes.load(h);
      const auto reset = lanes.load(apart);
      const auto n = tanh(multiply_add(r, reset, lanes.load(product + 2 * u)));
      const auto next = multiply_add(z, state - n, n);
      lanes.store(before, state);
      lanes.store(kept, reset);
      lanes.store(gates, r);
      lanes.store(gates + u, z);
      lanes.store(gates + 2 * u, n);
      lanes.store(h, next);
      lanes.store(y, next);
    });
  });
}

/// dn = dh' (1 - z), of which r passes on a part, dz = dh' (h - n), and dh = dh' z + ...
template <class T>
void gru_backward_step(const BackwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const gates = s.trace.gates[row];
    const T* const before = s.trace.before[row];
    const T* const kept = s.trace.kept[row];
    const T* const dy = s.dy[row];
    T* const dgates = s.dgates[row];
    T* const dapart = s.dapart[row];
    T* const dh = s.dh[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto one = Packet<T>::set(T(1));
      const auto r = lanes.load(gates);
      const auto z = lanes.load(gates + u);
      const auto n = lanes.load(gates + 2 * u);
      const auto dh_next = lanes.load(dh) + lanes.load(dy);
      const auto dn = dh_next * (one - z) * (one - n * n);
      lanes.store(dgates, dn * lanes.load(kept) * r * (one - r));
      lanes.store(dgates + u, dh_next * (lanes.load(before) - n) * z * (one - z));
      lanes.store(dgates + 2 * u, dn);
      lanes.store(dapart, dn * r);
      lanes.store(dh, dh_next * z);
    });
  });
  s.multiply(0, s.dgates, {s.dh.data, s.dh.stride, true});
  s.multiply(1, s.dapart, {s.dh.data, s.dh.stride, true});
}

/// n = tanh(x W_in + (r h) W_hn + b), as it was published. Keeps r h.
template <class T>
void original_gru_forward_step(const ForwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.multiply(0, s.h, {s.product.data, s.product.stride, true});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const product = s.product[row];
    const T* const h = s.h[row];
    T* const gates = s.trace.gates[row];
    T* const reset = s.apart[row];
    T* const before = s.trace.before[row];
    T* const kept = s.trace.kept[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto r = sigmoid(lanes.load(product));
      const auto z = sigmoid(lanes.load(product + u));
      const auto state = lanes.load(h);
      lanes.store(before, state);
      lanes.store(kept, r * state);
      lanes.store(reset, r * state);
      lanes.store(gates, r);
      lanes.store(gates + u, z);
    });
  });
  s.multiply(1, s.apart, {s.product.data + 2 * u, s.product.stride, true});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const product = s.product[row];
    T* const gates = s.trace.gates[row];
    T* const h = s.h[row];
    T* const y = s.y[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto n = tanh(lanes.load(product + 2 * u));
      const auto next = multiply_add(lanes.load(gates + u), lanes.load(h) - n, n);
      lanes.store(gates + 2 * u, n);
      lanes.store(h, next);
      lanes.store(y, next);
    });
  });
}

/// As above, but dr and a part of dh come from d(r h) = dn W_hn.
template <class T>
void original_gru_backward_step(const BackwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const gates = s.trace.gates[row];
    const T* const before = s.trace.before[row];
    const T* const dy = s.dy[row];
    T* const dgates = s.dgates[row];
    T* const dh = s.dh[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto one = Packet<T>::set(T(1));
      const auto z = lanes.load(gates + u);
      const auto n = lanes.load(gates + 2 * u);
      const auto dh_next = lanes.load(dh) + lanes.load(dy);
      lanes.store(dgates + u, dh_next * (lanes.load(before) - n) * z * (one - z));
      lanes.store(dgates + 2 * u, dh_next * (one - z) * (one - n * n));
      lanes.store(dh, dh_next * z);
    });
  });
  s.multiply(1, s.dgates.shifted(2 * u), {s.dapart.data, s.dapart.stride});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const gates = s.trace.gates[row];
    const T* const before = s.trace.before[row];
    const T* const d_reset = s.dapart[row];
    T* const dgates = s.dgates[row];
    T* const dh = s.dh[row];
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto one = Packet<T>::set(T(1));
      const auto r = lanes.load(gates);
      const auto reset = lanes.load(d_reset);
      lanes.store(dgates, reset * lanes.load(before) * r * (one - r));
      lanes.store(dh, multiply_add(reset, r, lanes.load(dh)));
    });
  });
  s.multiply(0, s.dgates, {s.dh.data, s.dh.stride, true});
}

template <class T>
RecurrentCell<T> gru_cell(bool linear_before_reset) {
  if (linear_before_reset) {
    return {"gru",
            3,
            false,
            true,
            {{0, 2}, {.first = 2, .gates = 1, .apart = true}},
            gru_forward_step<T>,
            gru_backward_step<T>};
  }
  return {"gru",
          3,
          false,
          true,
          {{0, 2}, {.first = 2, .gates = 1, .with_kept = true}},
          original_gru_forward_step<T>,
          original_gru_backward_step<T>};
}

CNNRNN_KERNELS_END
