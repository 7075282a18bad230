#pragma once

#include "cnnrnn/core/packet_functions.hpp"
#include "cnnrnn/core/simd.hpp"

// What a step does with the sums of its convolution, for one filter at one pixel of the sequences
// in the lanes of a vector. Arrays of four gates have them `next` elements apart. The peepholes w
// are those to the gates i, f and o.

CNNRNN_KERNELS_BEGIN

/// Which sequences have a step.
template <class T>
struct ActiveLanes {
  Packet<T> time, lengths;

  Packet<T> select(Packet<T> yes, Packet<T> no) const {
    return select_less(time, lengths, yes, no);
  }
};

/// i = sigmoid(s_i + w_i c), f = sigmoid(s_f + w_f c), g = tanh(s_g), c' = f c + i g,
/// o = sigmoid(s_o + w_o c'), or w_o c, h' = o tanh(c')
///
/// A sequence that has no such step keeps its states and puts out zeros: its gates are i = g = o =
/// 0, f = 1, with which the way back passes it too.
template <class T>
struct ConvLstmForwardCell {
  Index next;
  bool previous;  ///< the output gate sees c
  ActiveLanes<T> active;

  /// All filters of a pixel: w (U, 3), gates (4, U, L), the others (U, L).
  void row(Index units, const T* w, T* gates, const T* before, T* after, T* output,
           T* state) const {
    // From a copy of its own the compiler knows that no store changes it.
    const ConvLstmForwardCell own = *this;
    for (Index unit = 0; unit < units; ++unit) {
      const Index at = unit * Packet<T>::width;
      own.filter(w + unit * 3, gates + at, before + at, after + at, output + at, state + at);
    }
  }

  void filter(const T* w, T* gate, const T* before, T* after, T* output, T* state) const {
    using P = Packet<T>;
    const auto c = P::load(before);
    const auto seeing = [&](Index k, Index number, P seen) {
      return multiply_add(P::set(w[k]), seen, P::load(gate + number * next));
    };
    const auto i = active.select(sigmoid(seeing(0, 0, c)), P::zero());
    const auto f = active.select(sigmoid(seeing(1, 1, c)), P::set(T(1)));
    const auto g = active.select(tanh(P::load(gate + 2 * next)), P::zero());
    const auto cell = multiply_add(f, c, i * g);
    const auto o = active.select(sigmoid(seeing(2, 3, previous ? c : cell)), P::zero());
    const auto h = o * tanh(cell);
    const auto kept = active.select(h, P::load(state));
    i.store(gate);
    f.store(gate + next);
    g.store(gate + 2 * next);
    o.store(gate + 3 * next);
    cell.store(after);
    h.store(output);
    kept.store(state);
  }
};

/// ds_o = dh' tanh(c') o (1 - o), dc' += dh' o (1 - tanh(c')^2) + w_o ds_o, ds_i = dc' g i (1 - i),
/// ds_f = dc' c f (1 - f), ds_g = dc' i (1 - g^2), dc = dc' f + w_i ds_i + w_f ds_f, where w_o ds_o
/// belongs to dc if the output gate sees c; and dw = sum of ds times what the gate sees
template <class T>
struct ConvLstmBackwardCell {
  Index next;
  bool previous;

  /// All filters of a pixel: w (U, 3), gates (4, U, L), dw (U, 3, L), the others (U, L). dc comes
  /// as dc' and leaves as dc; dw is added to.
  void row(Index units, const T* w, const T* dy, const T* dh, const T* gates, const T* before,
           const T* after, T* dgates, T* dc, T* dw) const {
    const ConvLstmBackwardCell own = *this;
    for (Index unit = 0; unit < units; ++unit) {
      const Index at = unit * Packet<T>::width;
      own.filter(Packet<T>::load(dh + at) + Packet<T>::load(dy + at), w + unit * 3, gates + at,
                 before + at, after + at, dgates + at, dc + at, dw + 3 * at);
    }
  }

  void filter(Packet<T> dh, const T* w, const T* gate, const T* before, const T* after, T* dgate,
              T* dc, T* dw) const {
    using P = Packet<T>;
    const auto one = P::set(T(1));
    const auto i = P::load(gate);
    const auto f = P::load(gate + next);
    const auto g = P::load(gate + 2 * next);
    const auto o = P::load(gate + 3 * next);
    const auto c = P::load(before);
    const auto cell = P::load(after);
    const auto tanh_c = tanh(cell);
    const auto ds_o = dh * tanh_c * o * (one - o);
    const auto through_o = P::set(w[2]) * ds_o;
    const auto dc_after = multiply_add(dh * o, one - tanh_c * tanh_c, P::load(dc)) +
                          (previous ? P::zero() : through_o);
    const auto ds_i = dc_after * g * i * (one - i);
    const auto ds_f = dc_after * c * f * (one - f);
    const auto ds_g = dc_after * i * (one - g * g);
    const auto through_gates = multiply_add(P::set(w[0]), ds_i, P::set(w[1]) * ds_f);
    const auto dc_before =
        multiply_add(dc_after, f, through_gates) + (previous ? through_o : P::zero());
    const auto dw_i = multiply_add(ds_i, c, P::load(dw));
    const auto dw_f = multiply_add(ds_f, c, P::load(dw + P::width));
    const auto dw_o = multiply_add(ds_o, previous ? c : cell, P::load(dw + 2 * P::width));
    ds_i.store(dgate);
    ds_f.store(dgate + next);
    ds_g.store(dgate + 2 * next);
    ds_o.store(dgate + 3 * next);
    dc_before.store(dc);
    dw_i.store(dw);
    dw_f.store(dw + P::width);
    dw_o.store(dw + 2 * P::width);
  }
};

CNNRNN_KERNELS_END
