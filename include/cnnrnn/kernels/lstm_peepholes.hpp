#pragma once

#include <array>
#include <cstddef>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/lstm.hpp"
#include "cnnrnn/kernels/recurrent.hpp"

CNNRNN_KERNELS_BEGIN

/// The gradients of one direction's peepholes, (U) each.
template <class T>
struct PeepholeGradients {
  GradientSpan<T> input;
  GradientSpan<T> forget;
  GradientSpan<T> output;

  bool needed() const { return input.needed() || forget.needed() || output.needed(); }
};

namespace detail {

/// sums (3, U) += di c, df c, do c' of one step.
template <class T>
void add_peephole_gradients(Index u, const T* gates, const T* dgates, const T* c, T* sums) {
  for_each_lanes<T>(u, [=](auto lanes) {
    const auto state = lanes.load(c);
    const auto next =
        multiply_add(lanes.load(gates + u), state, lanes.load(gates) * lanes.load(gates + 2 * u));
    const auto add = [&](Index gate, Packet<T> seen, T* sum) {
      lanes.store(sum, multiply_add(lanes.load(dgates + gate * u), seen, lanes.load(sum)));
    };
    add(0, state, sums);
    add(1, state, sums + u);
    add(3, next, sums + 2 * u);
  });
}

}  // namespace detail

/// dw_ci = sum of di c, dw_cf = sum of df c, dw_co = sum of do c', over all steps of direction k.
/// Blocks of rows are summed on their own and added in order.
template <class T>
void lstm_backward_peepholes(const RecurrentDims& d, Index k, const RecurrentTrace<const T>& trace,
                             const T* dgates, const PeepholeGradients<T>& gradients) {
  if (!gradients.needed()) {
    return;
  }
  constexpr Index block = 256;
  const Index width = d.directions * d.u;
  const Index blocks = (d.rows() + block - 1) / block;
  auto partial = Tensor<T>::zeros({blocks + 1, 3 * d.u});
  T* const sums = partial.mutable_data();
  parallel_for(d.rows(), block, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index gates = 4 * (row * width + k * d.u);
      detail::add_peephole_gradients(d.u, trace.gates + gates, dgates + gates,
                                     trace.kept + row * width + k * d.u,
                                     sums + (1 + begin / block) * 3 * d.u);
    }
  });
  for (Index i = 0; i < blocks * 3 * d.u; ++i) {
    sums[i % (3 * d.u)] += sums[3 * d.u + i];
  }
  const std::array<GradientSpan<T>, 3> targets{gradients.input, gradients.forget, gradients.output};
  for (std::size_t gate = 0; gate < targets.size(); ++gate) {
    for (Index unit = 0; targets[gate].needed() && unit < d.u; ++unit) {
      targets[gate].put(unit, sums[static_cast<Index>(gate) * d.u + unit]);
    }
  }
}

CNNRNN_KERNELS_END
