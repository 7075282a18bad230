#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/optimizer/weights.hpp"

CNNRNN_KERNELS_BEGIN

/// The numbers of one Adam step, all computed in double.
template <class T>
struct AdamFactors {
  T keep_first;    ///< beta_1
  T add_first;     ///< 1 - beta_1
  T keep_second;   ///< beta_2
  T add_second;    ///< 1 - beta_2
  T step_size;     ///< learning rate / (1 - beta_1^t)
  T second_scale;  ///< 1 / sqrt(1 - beta_2^t)
  T epsilon;
  T l2;    ///< weight decay added to the gradient (Adam)
  T keep;  ///< what multiplies the weights first, 1 - learning rate * weight decay (AdamW)
};

/// One step on `count` weights w with their gradient dw and moments m, v, in one pass:
///   g = dw + l2 w,  m = beta_1 m + (1 - beta_1) g,  v = beta_2 v + (1 - beta_2) g^2,
///   w = keep w - step_size m / (second_scale sqrt(v) + epsilon)
template <class T, class A = Accumulator<T>>
void adam_step(Index count, const T* dw, const Weights<T>& w, A* m, A* v,
               const AdamFactors<A>& factors) {
  using P = Packet<A>;
  const auto all = [](A factor) { return P::set(factor); };
  constexpr Index block = 1 << 14;
  parallel_for(count, block, [&](Index begin, Index end) {
    for_each_lanes<T>(end - begin, [&](auto lanes) {
      const P old = lanes.load(w.values + begin);
      const P g = multiply_add(all(factors.l2), old, lanes.load(dw + begin));
      const P first =
          multiply_add(all(factors.keep_first), lanes.load(m + begin), all(factors.add_first) * g);
      const P second = multiply_add(all(factors.keep_second), lanes.load(v + begin),
                                    all(factors.add_second) * g * g);
      const P root = multiply_add(all(factors.second_scale), sqrt(second), all(factors.epsilon));
      lanes.store(m + begin, first);
      lanes.store(v + begin, second);
      w.store(lanes, begin, all(factors.keep) * old - all(factors.step_size) * first / root);
    });
  });
}

CNNRNN_KERNELS_END
