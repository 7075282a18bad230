#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/block.hpp"
#include "cnnrnn/kernels/conv2d/winograd/few_tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weights.hpp"

CNNRNN_KERNELS_BEGIN

/// How many blocks the output of winograd_convolve has.
template <class T>
Index winograd_blocks(const WinogradTiles& d) {
  if (winograd_is_1d(d.c)) {
    return detail::Winograd1dPlan<T>(d).jobs();
  }
  return detail::WinogradPlan<T>(d).blocks();
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
                           y.bias != nullptr ? bias.data() : nullptr, y);
  };
  if (plan.blocks() == 1) {
    const Index panels = (d.o + panel - 1) / panel;
    parallel_for(panels, (panels + 1) / 2, [&](Index begin, Index end) {
      run(0, d.rows(), begin * panel, std::min(d.o, end * panel));
    });
    y.finish_rest(0, 0, d.first_pixel(d.rows()));
    return;
  }
  parallel_for(plan.blocks(), 1, [&](Index block, Index) {
    const auto [begin, end] = plan.block_rows(block);
    if (begin < end) {
      run(begin, end, 0, d.o);
      y.finish_rest(block, d.first_pixel(begin), d.first_pixel(end));
    }
  });
}

/// The same with the weights as they are, to be used once.
template <class T>
void winograd_convolve(const WinogradTiles& d, const T* x, const WinogradKernels<T>& kernels,
                       const ConvOutput<T>& y) {
  if (detail::winograd_has_few_tiles<T>(d)) {
    detail::winograd_few_tiles(d, x, kernels, y);
  } else {
    winograd_convolve(d, x, winograd_weights<T>(d.o, d.c, kernels).data(), y);
  }
}

/// The kernels (O, C, 3, 3) of y.
template <class T>
WinogradKernels<T> winograd_kernels(const Conv2dDims& d, const T* weight, const T* scale) {
  const Index taps = d.taps();
  return {.data = weight, .column_stride = d.c * taps, .k_stride = taps, .scale = scale};
}

/// dx (N, H, W, C): y of dy, with kernels turned by half a turn and the roles of the channels
/// exchanged.
template <class T>
void winograd_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                             GradientSpan<T> dx) {
  const Index taps = d.taps();
  winograd_convolve(
      backward_tiles(d), dy,
      WinogradKernels<T>{
          .data = weight, .column_stride = taps, .k_stride = d.c * taps, .turned = true},
      ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

CNNRNN_KERNELS_END
