#pragma once

#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/kernels/recurrent/cell.hpp"

// Hochreiter and Schmidhuber 1997, with the forget gate and the peepholes of Gers, Schraudolph and
// Schmidhuber; gates in the order i f g o. It keeps the cell state before each step.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// sum + weight state, or the sum alone without peepholes.
template <class T, class Lanes>
Packet<T> peep(const Lanes& lanes, const T* weight, Packet<T> state, Packet<T> sum) {
  return weight == nullptr ? sum : multiply_add(lanes.load(weight), state, sum);
}

/// sums (3, U) += di c, df c, do c'
template <class T, class Lanes>
void add_peephole_gradients(const Lanes& lanes, Index u, T* sums, Packet<T> d_input,
                            Packet<T> d_forget, Packet<T> c, Packet<T> d_output, Packet<T> next) {
  lanes.store(sums, multiply_add(d_input, c, lanes.load(sums)));
  lanes.store(sums + u, multiply_add(d_forget, c, lanes.load(sums + u)));
  lanes.store(sums + 2 * u, multiply_add(d_output, next, lanes.load(sums + 2 * u)));
}

}  // namespace detail

/// c' = f c + i g, h' = o tanh(c')
template <class T>
void lstm_forward_step(const ForwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.multiply(0, s.h, {s.product.data, s.product.stride, true});
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const product = s.product[row];
    T* const gates = s.trace.gates[row];
    T* const h = s.h[row];
    T* const c = s.c[row];
    T* const y = s.y[row];
    T* const before = s.trace.before[row];
    T* const kept = s.trace.kept[row];
    const auto peepholes = s.weights.peepholes;
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto state = lanes.load(c);
      const auto i = sigmoid(detail::peep(lanes, peepholes.input, state, lanes.load(product)));
      const auto f = sigmoid(detail::peep(lanes, peepholes.forget, state, lanes.load(product + u)));
      const auto g = tanh(lanes.load(product + 2 * u));
      const auto next = multiply_add(f, state, i * g);
      const auto o =
          sigmoid(detail::peep(lanes, peepholes.output, next, lanes.load(product + 3 * u)));
      const auto output = o * tanh(next);
      lanes.store(before, lanes.load(h));
      lanes.store(kept, state);
      lanes.store(gates, i);
      lanes.store(gates + u, f);
      lanes.store(gates + 2 * u, g);
      lanes.store(gates + 3 * u, o);
      lanes.store(c, next);
      lanes.store(h, output);
      lanes.store(y, output);
    });
  });
}

/// dc' += dh' o (1 - tanh(c')^2) + do w_co, from which the other gates' gradients follow, and
/// dc = dc' f + di w_ci + df w_cf
template <class T>
void lstm_backward_step(const BackwardStep<T>& s) {
  const Index u = s.block.d.u;
  s.block.for_each_row([&](const BlockRow& row) {
    const T* const gates = s.trace.gates[row];
    const T* const c = s.trace.kept[row];
    const T* const dy = s.dy[row];
    T* const dgates = s.dgates[row];
    T* const dh = s.dh[row];
    T* const dc = s.dc[row];
    T* const dpeepholes = s.dpeepholes;
    const auto peepholes = s.weights.peepholes;
    for_each_lanes<T>(s.share.count, [=](auto lanes) {
      const auto one = Packet<T>::set(T(1));
      const auto i = lanes.load(gates);
      const auto f = lanes.load(gates + u);
      const auto g = lanes.load(gates + 2 * u);
      const auto o = lanes.load(gates + 3 * u);
      const auto state = lanes.load(c);
      const auto next = multiply_add(f, state, i * g);
      const auto tanh_next = tanh(next);
      const auto dh_next = lanes.load(dh) + lanes.load(dy);
      const auto d_output = dh_next * tanh_next * o * (one - o);
      const auto dc_next =
          detail::peep(lanes, peepholes.output, d_output,
                       multiply_add(dh_next * o, one - tanh_next * tanh_next, lanes.load(dc)));
      const auto d_input = dc_next * g * i * (one - i);
      const auto d_forget = dc_next * state * f * (one - f);
      lanes.store(dgates, d_input);
      lanes.store(dgates + u, d_forget);
      lanes.store(dgates + 2 * u, dc_next * i * (one - g * g));
      lanes.store(dgates + 3 * u, d_output);
      lanes.store(dc, detail::peep(lanes, peepholes.input, d_input,
                                   detail::peep(lanes, peepholes.forget, d_forget, dc_next * f)));
      lanes.store(dh, Packet<T>::zero());
      if (peepholes.any()) {
        detail::add_peephole_gradients(lanes, u, dpeepholes, d_input, d_forget, state, d_output,
                                       next);
      }
    });
  });
  s.multiply(0, s.dgates, {s.dh.data, s.dh.stride, true});
}

template <class T>
RecurrentCell<T> lstm_cell() {
  return {"lstm", 4, true, true, {{0, 4}}, lstm_forward_step<T>, lstm_backward_step<T>};
}

CNNRNN_KERNELS_END
