#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d_output.hpp"
#include "cnnrnn/kernels/winograd_1d.hpp"
#include "cnnrnn/kernels/winograd_block.hpp"

CNNRNN_KERNELS_BEGIN

/// U = G w G^T of the weights, where weight_at(column, k, i, j) is the one from channel k to output
/// `column`.
template <class T, class WeightAt>
Tensor<T> winograd_weights(Index columns, Index k, const WeightAt& weight_at) {
  using P = Packet<T>;
  constexpr Index side = Winograd::kernel;
  if (winograd_is_1d(k)) {
    return winograd_1d_weights<T>(columns, k, weight_at);
  }
  const Index packets = (columns + P::width - 1) / P::width;
  Tensor<T> packed({packets * P::width * Winograd::points * k});
  T* const all = packed.mutable_data();
  parallel_for(packets * k, 16, [&](Index begin, Index end) {
    for (Index job = begin; job < end; ++job) {
      const Index packet = job / k;
      const Index n0 = packet * P::width;
      T w[static_cast<std::size_t>(side * side * P::width)] = {};
      for (Index lane = 0; lane < std::min(P::width, columns - n0); ++lane) {
        for (Index tap = 0; tap < side * side; ++tap) {
          w[tap * P::width + lane] = weight_at(n0 + lane, job % k, tap / side, tap % side);
        }
      }
      const Index panel = packet / 2 * 2;
      const Index step = std::min<Index>(2, packets - panel) * P::width;
      T* const to = all + panel * P::width * Winograd::points * k + (packet - panel) * P::width +
                    job % k * step;
      winograd_transform<T, detail::WinogradWeight>(w, side * P::width, P::width, to,
                                                    Winograd::input * k * step, k * step);
    }
  });
  return packed;
}

/// How many blocks the output of winograd_convolve has.
template <class T>
Index winograd_blocks(const WinogradTiles& d) {
  if (winograd_is_1d(d.c)) {
    return detail::Winograd1dPlan<T>(d).jobs();
  }
  const Index block = detail::WinogradPlan<T>(d).block;
  return (d.rows() + block - 1) / block;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the transformed weights u.
template <class T>
void winograd_convolve(const WinogradTiles& d, const T* x, const T* u, const ConvOutput<T>& y) {
  if (winograd_is_1d(d.c)) {
    winograd_1d_convolve(d, x, u, y);
    return;
  }
  if (d.rows() == 0) {
    return;
  }
  constexpr Index panel = 2 * Packet<T>::width;
  const detail::WinogradPlan<T> plan(d);
  std::vector<T> bias;
  if (y.bias != nullptr) {
    bias.assign(y.bias, y.bias + d.o);
    bias.resize(static_cast<std::size_t>(d.o + panel));
  }
  const auto run = [&](Index begin, Index end, Index first, Index last) {
    detail::winograd_block(d, plan, begin, end, first, last, x, u,
                           y.bias != nullptr ? bias.data() : nullptr, y.data, y.accumulate);
  };
  if (plan.block >= d.rows()) {
    const Index panels = (d.o + panel - 1) / panel;
    parallel_for(panels, (panels + 1) / 2, [&](Index begin, Index end) {
      run(0, d.rows(), begin * panel, std::min(d.o, end * panel));
    });
    y.finish(0, 0, d.first_pixel(d.rows()));
    return;
  }
  parallel_for(d.rows(), plan.block, [&](Index begin, Index end) {
    run(begin, end, 0, d.o);
    y.finish(begin / plan.block, d.first_pixel(begin), d.first_pixel(end));
  });
}

CNNRNN_KERNELS_END
