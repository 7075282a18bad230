#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/block.hpp"
#include "cnnrnn/kernels/conv2d/winograd/kernels.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weight_gradient.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// U = G w G^T of the kernels from channels k0 ... k0 + count - 1 to the outputs of one panel,
/// which are `columns` from n0 on in rows of `step`: u (points, count, step).
template <class T>
void winograd_transform_kernels(const WinogradKernels<T>& kernels, Index n0, Index columns,
                                Index step, Index k0, Index count, T* u) {
  constexpr Index width = Packet<T>::width;
  constexpr Index side = Winograd::kernel;
  T w[static_cast<std::size_t>(side * side * width)];
  for (Index k = 0; k < count; ++k) {
    for (Index n = 0; n < columns; n += width) {
      kernels.read(n0 + n, std::min(width, columns - n), k0 + k, w);
      winograd_transform<T, WinogradWeight>(w, side * width, width, u + k * step + n,
                                            Winograd::input * count * step, count * step);
    }
  }
}

}  // namespace detail

/// U (panels, points, channels, outputs of a panel) = G w G^T of the kernels from each of
/// `channels` to each of `columns` outputs. A few channels at a time: the points of a single one
/// are so far apart that they push each other from the cache.
template <class T>
Tensor<T> winograd_weights(Index columns, Index channels, const WinogradKernels<T>& kernels) {
  if (winograd_is_1d(channels)) {
    return winograd_1d_weights<T>(columns, channels, kernels);
  }
  constexpr Index width = Packet<T>::width;
  constexpr Index chunk = 4;
  const Index panels = (columns + 2 * width - 1) / (2 * width);
  const Index chunks = (channels + chunk - 1) / chunk;
  Tensor<T> packed({round_up(columns, width) * Winograd::points * channels});
  T* const all = packed.mutable_data();
  parallel_for(panels * chunks, 4, [&](Index begin, Index end) {
    T u[static_cast<std::size_t>(Winograd::points * chunk * 2 * width)];
    for (Index job = begin; job < end; ++job) {
      const Index n0 = job / chunks * 2 * width;
      const Index k0 = job % chunks * chunk;
      const Index count = std::min(chunk, channels - k0);
      const Index step = std::min(2 * width, round_up(columns - n0, width));
      const Index present = std::min(columns - n0, step);
      kernels.fetch(n0, present, k0 + count, std::min(chunk, channels - k0 - count));
      detail::winograd_transform_kernels(kernels, n0, present, step, k0, count, u);
      T* const to = all + n0 * Winograd::points * channels + k0 * step;
      for (Index point = 0; point < Winograd::points; ++point) {
        std::copy_n(u + point * count * step, count * step, to + point * channels * step);
      }
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
    y.find_moments(0, 0, d.first_pixel(d.rows()));
    return;
  }
  parallel_for(plan.blocks(), 1, [&](Index block, Index) {
    const auto [begin, end] = plan.block_rows(block);
    if (begin < end) {
      run(begin, end, 0, d.o);
      y.find_moments(block, d.first_pixel(begin), d.first_pixel(end));
    }
  });
}

/// dx (N, H, W, C): y of dy, with kernels turned by half a turn and the roles of the channels
/// exchanged.
template <class T>
void winograd_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                             GradientSpan<T> dx) {
  const Index taps = d.taps();
  const auto u = winograd_weights<T>(
      d.c, d.o, {.data = weight, .column_stride = taps, .k_stride = d.c * taps, .turned = true});
  winograd_convolve(backward_tiles(d), dy, u.data(), ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

CNNRNN_KERNELS_END
