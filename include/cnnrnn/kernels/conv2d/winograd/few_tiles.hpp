#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/winograd/block.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weights.hpp"

// Winograd's algorithm for small images of many channels, whose weights are used once: U, four
// times as large as the weights, would go to memory and back for few tiles. So the transform of
// some channels to one panel of outputs is used up while it is in the second cache.
//
//   V (all points, C / width, tiles, width)   all transformed inputs
//   U (all points, channels, columns)         transformed weights of some channels for one panel
//   M (points, tiles, columns)                their products for one panel, channels after channels

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Whether there are no more than `most_tiles`, and U does not stay in a cache.
template <class T, class Convolution>
bool winograd_has_few_tiles(const Convolution& d, Index most_tiles = 64) {
  constexpr Index cached = (4 << 20) / static_cast<Index>(sizeof(T));
  return d.groups == 1 && d.tiles() <= most_tiles && d.all_points() * d.c * d.o > cached;
}

/// M of the panel of outputs from n0 on.
template <class T, Index Vectors, class W, class Convolution>
void winograd_few_tiles_panel(const Convolution& d, const T* v, const WinogradLayout& layout,
                              const WinogradKernels<W>& kernels, Index n0, const T* bias, T* m,
                              Index m_point) {
  constexpr Index columns = Vectors * Packet<T>::width;
  constexpr Index channels = winograd_channels;
  const ThreadScratch<T> u(d.all_points() * channels * columns);
  for (Index k0 = 0; k0 < d.c; k0 += channels) {
    const Index count = std::min(channels, d.c - k0);
    winograd_weights_of_panel(d, kernels, n0, std::min(columns, d.o - n0), columns, k0, count,
                              u.data(), 0, count);
    winograd_products<T, Vectors>(d, 0, d.rows(), count, v + k0 / Packet<T>::width * layout.packet,
                                  layout, u.data(), bias, m, m_point, k0 > 0);
  }
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the kernels. Sums in the order of
/// winograd_convolve, to the same bits.
template <class X, class W, class Convolution>
void winograd_few_tiles(const Convolution& d, const X* x, const WinogradKernels<W>& kernels,
                        const ConvOutput<X>& y) {
  using T = Accumulator<X>;
  constexpr Index width = Packet<T>::width;
  constexpr Index panel = 2 * width;
  const Index tiles = d.room(d.tiles(), winograd_rows<T, 1>);
  const WinogradLayout layout{tiles * round_up(d.c, width) + width, tiles * width, width};
  const Index m_point = tiles * panel + width;
  Tensor<T> inputs({d.all_points() * layout.point});
  T* const v = inputs.mutable_data();
  winograd_all_inputs(d, x, layout, v);
  std::vector<T> bias(static_cast<std::size_t>(y.bias != nullptr ? d.o + panel : 0));
  std::copy_n(y.bias, y.bias != nullptr ? d.o : 0, bias.begin());
  parallel_for((d.o + panel - 1) / panel, 1, [&](Index job, Index) {
    const Index n0 = job * panel;
    const bool wide = d.o - n0 > width;
    const Index columns = wide ? panel : width;
    const ThreadScratch<T> m(d.points() * m_point);
    const auto products = wide ? winograd_few_tiles_panel<T, 2, W, Convolution>
                               : winograd_few_tiles_panel<T, 1, W, Convolution>;
    products(d, v, layout, kernels, n0, y.bias != nullptr ? bias.data() + n0 : nullptr, m.data(),
             m_point);
    for_each_lanes<T>(std::min(columns, d.o - n0), [&](const auto& lanes) {
      winograd_outputs(d, 0, d.rows(), n0, lanes, m.data() + lanes.at, m_point, columns, y);
    });
  });
  const WinogradPlan<T> plan(d);
  for (Index block = 0; block < plan.blocks(); ++block) {
    const auto [begin, end] = plan.block_rows(block);
    if (begin < end) {
      y.finish_rest(block, d.first_pixel(begin), d.first_pixel(end));
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
