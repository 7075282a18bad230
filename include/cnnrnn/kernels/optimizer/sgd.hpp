#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/optimizer/weights.hpp"

CNNRNN_KERNELS_BEGIN

/// The numbers of one step of gradient descent.
template <class T>
struct SgdFactors {
  T learning_rate;
  T momentum;
  T l2;  ///< weight decay added to the gradient
  bool nesterov;
};

/// One step on `count` weights w with their gradient dw and momentum b (null without momentum):
///   g = dw + l2 w,  b = momentum b + g,  w = w - learning_rate (b, or g + momentum b with
///   Nesterov)
template <class T, class A = Accumulator<T>>
void sgd_step(Index count, const T* dw, const Weights<T>& w, A* b, const SgdFactors<A>& factors) {
  using P = Packet<A>;
  const auto all = [](A factor) { return P::set(factor); };
  constexpr Index block = 1 << 14;
  parallel_for(count, block, [&](Index begin, Index end) {
    for_each_lanes<T>(end - begin, [&](auto lanes) {
      const P old = lanes.load(w.values + begin);
      const P g = multiply_add(all(factors.l2), old, lanes.load(dw + begin));
      P direction = g;
      if (b != nullptr) {
        const P velocity = multiply_add(all(factors.momentum), lanes.load(b + begin), g);
        lanes.store(b + begin, velocity);
        direction = factors.nesterov ? multiply_add(all(factors.momentum), velocity, g) : velocity;
      }
      w.store(lanes, begin, old - all(factors.learning_rate) * direction);
    });
  });
}

CNNRNN_KERNELS_END
