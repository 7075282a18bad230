#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/winograd/kernels.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// So many channels are transformed at a time: the points of a single one are so far apart that
/// they push each other from the cache.
inline constexpr Index winograd_weights_chunk = 4;

/// U = G w G^T of the kernels from channels k0 ... k0 + count - 1, a chunk at most, to the outputs
/// of one panel, which are `columns` from n0 on in rows of `step`: to U (points, u_channels, step),
/// from channel u_first on.
template <class T, class W>
void winograd_weights_of_chunk(const WinogradTiles& /*d*/, const WinogradKernels<W>& kernels,
                               Index n0, Index columns, Index step, Index k0, Index count, T* to,
                               Index u_first, Index u_channels) {
  constexpr Index width = Packet<T>::width;
  constexpr Index side = Winograd::kernel;
  T w[static_cast<std::size_t>(side * side * width)];
  T u[static_cast<std::size_t>(Winograd::points * winograd_weights_chunk * 2 * width)];
  for (Index k = 0; k < count; ++k) {
    for (Index n = 0; n < columns; n += width) {
      kernels.read(WinogradKernelTaps{}, n0 + n, std::min(width, columns - n), k0 + k, w);
      winograd_transform<T, WinogradWeight3>(w, side * width, width, u + k * step + n,
                                             Winograd::input * count * step, count * step);
    }
  }
  for (Index point = 0; point < Winograd::points; ++point) {
    std::copy_n(u + point * count * step, count * step, to + (point * u_channels + u_first) * step);
  }
}

/// The same of any number of channels.
template <class T, class W, class Convolution>
void winograd_weights_of_panel(const Convolution& d, const WinogradKernels<W>& kernels, Index n0,
                               Index columns, Index step, Index k0, Index count, T* to,
                               Index u_first, Index u_channels) {
  constexpr Index chunk = winograd_weights_chunk;
  for (Index k = 0; k < count; k += chunk) {
    const Index first = k0 + k;
    const Index part = std::min(chunk, count - k);
    kernels.fetch(n0, columns, first + part, std::min(chunk, d.c - first - part));
    winograd_weights_of_chunk(d, kernels, n0, columns, step, first, part, to, u_first + k,
                              u_channels);
  }
}

}  // namespace detail

/// Elements of U of one group.
template <class T, class Convolution>
Index winograd_weights_size(const Convolution& d) {
  return round_up(d.o, Packet<T>::width) * d.all_points() * d.c;
}

/// U (groups, panels, all points, channels, outputs of a panel) = G w G^T of the kernels from each
/// channel to each output of a group.
template <class T, class W, class Convolution>
Tensor<T> winograd_weights(const Convolution& d, const WinogradKernels<W>& kernels) {
  constexpr Index width = Packet<T>::width;
  constexpr Index job_channels = 4 * detail::winograd_weights_chunk;
  const Index panels = (d.o + 2 * width - 1) / (2 * width);
  const Index parts = (d.c + job_channels - 1) / job_channels;
  const Index group_size = winograd_weights_size<T>(d);
  Tensor<T> packed({kernels.groups * group_size});
  T* const all = packed.mutable_data();
  parallel_for(kernels.groups * panels * parts, 1, [&](Index job, Index) {
    const Index group = job / parts / panels;
    const Index n0 = job / parts % panels * 2 * width;
    const Index k0 = job % parts * job_channels;
    const Index step = std::min(2 * width, round_up(d.o - n0, width));
    detail::winograd_weights_of_panel(d, kernels.group(group, d.o), n0, std::min(d.o - n0, step),
                                      step, k0, std::min(job_channels, d.c - k0),
                                      all + group * group_size + n0 * d.all_points() * d.c, k0,
                                      d.c);
  });
  return packed;
}

CNNRNN_KERNELS_END
