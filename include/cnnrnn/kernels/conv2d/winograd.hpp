#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/block.hpp"
#include "cnnrnn/kernels/conv2d/winograd/few_tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/pairs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/winograd/weights.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// y (N, OH, OW, groups O) = x (N, H, W, groups C), of T or bfloat16, convolved with the
/// transformed weights u.
template <class T, class X, class Convolution>
void winograd_convolve(const Convolution& d, const X* x, const T* u, const ConvOutput<X>& y) {
  if (d.tiles() == 0) {
    return;
  }
  constexpr Index panel = 2 * Packet<T>::width;
  const WinogradPlan<T> plan(d);
  std::vector<T> bias;
  if (y.bias != nullptr) {
    bias.assign(y.bias, y.bias + d.result_pixel());
    bias.resize(static_cast<std::size_t>(d.result_pixel() + panel));
  }
  const Index group_size = winograd_weights_size<T>(d);
  const auto run = [&](Index begin, Index end, Index group, Index first, Index last) {
    winograd_block(d, plan, begin, end, group, first, last, x, u + group * group_size,
                   y.bias != nullptr ? bias.data() : nullptr, y);
  };
  if (plan.blocks() == 1) {
    const Index panels = (d.o + panel - 1) / panel;
    const Index together = d.groups > 1 ? panels : (panels + 1) / 2;
    const Index parts = (panels + together - 1) / together;
    parallel_for(d.groups * parts, 1, [&](Index job, Index) {
      const Index first = job % parts * together * panel;
      run(0, d.rows(), job / parts, first, std::min(d.o, first + together * panel));
    });
    y.finish_rest(0, 0, d.first_pixel(d.rows()));
    return;
  }
  parallel_for(plan.blocks(), 1, [&](Index block, Index) {
    const auto [begin, end] = plan.block_rows(block);
    if (begin < end) {
      for (Index group = 0; group < d.groups; ++group) {
        run(begin, end, group, 0, d.o);
      }
      y.finish_rest(block, d.first_pixel(begin), d.first_pixel(end));
    }
  });
}

/// The same with the weights as they are, to be used once.
template <class X, class W, class Convolution>
void winograd_convolve(const Convolution& d, const X* x, const WinogradKernels<W>& kernels,
                       const ConvOutput<X>& y) {
  using T = Accumulator<X>;
  if (winograd_has_few_tiles<T>(d) && d.tiles() > 0) {
    winograd_few_tiles(d, x, kernels, y);
  } else {
    winograd_convolve(d, x, winograd_weights<T>(d, kernels).data(), y);
  }
}

/// The kernels (O, C / groups, KH, KW) of y.
template <class T>
WinogradKernels<T> winograd_kernels(const Conv2dDims& d, const T* weight,
                                    const Accumulator<T>* scale) {
  const Index taps = d.taps();
  return {.data = weight,
          .column_stride = d.group_c() * taps,
          .k_stride = taps,
          .scale = scale,
          .groups = d.groups,
          .group_stride = d.weight_at(d.group_o(), 0, 0, 0)};
}

/// Those of dx: turned by half a turn, with the roles of the channels exchanged.
template <class T>
WinogradKernels<T> winograd_turned_kernels(const Conv2dDims& d, const T* weight) {
  const Index taps = d.taps();
  return {.data = weight,
          .column_stride = taps,
          .k_stride = d.group_c() * taps,
          .turned = true,
          .groups = d.groups,
          .group_stride = d.weight_at(d.group_o(), 0, 0, 0)};
}

/// Calls body with y as tiles of a 3x3 kernel, or as a sum of terms.
template <class Body>
auto with_winograd_forward(const Conv2dDims& d, const Body& body) {
  return uses_terms(d) ? body(forward_terms(d)) : body(forward_tiles(d));
}

}  // namespace detail

/// How many blocks y has.
template <class T>
Index winograd_blocks(const Conv2dDims& d) {
  if (winograd_is_1d(d.c, d.groups)) {
    return detail::Winograd1dPlan<T>(forward_tiles(d)).jobs();
  }
  return detail::with_winograd_forward(
      pairs_groups<T>(d) ? detail::dims_of_pairs(d) : d,
      [](const auto& convolution) { return detail::WinogradPlan<T>(convolution).blocks(); });
}

/// The transformed weights of y, those of each output times its scale unless that is null.
template <class T>
Tensor<T> winograd_pack(const Conv2dDims& d, const T* weight, const T* scale) {
  if (pairs_groups<T>(d)) {
    const auto pairs = detail::weights_of_pairs(d, weight);
    return winograd_pack(detail::dims_of_pairs(d), pairs.data(), scale);
  }
  const auto kernels = detail::winograd_kernels(d, weight, scale);
  if (winograd_is_1d(d.c, d.groups)) {
    return winograd_1d_weights<T>(d.o, d.c, kernels);
  }
  return detail::with_winograd_forward(
      d, [&](const auto& convolution) { return winograd_weights<T>(convolution, kernels); });
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the transformed weights.
template <class T>
void winograd_forward(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                      const ConvOutput<T>& y) {
  if (winograd_is_1d(d.c, d.groups)) {
    winograd_1d_convolve(forward_tiles(d), x, packed.data(), y);
    return;
  }
  const auto convolve = [&](const auto& convolution) {
    detail::winograd_convolve(convolution, x, packed.data(), y);
  };
  detail::with_winograd_forward(pairs_groups<T>(d) ? detail::dims_of_pairs(d) : d, convolve);
}

/// The same with the weights as they are.
template <class T>
void winograd_forward(const Conv2dDims& d, const T* x, const T* weight, const ConvOutput<T>& y) {
  if (pairs_groups<T>(d) || winograd_is_1d(d.c, d.groups)) {
    winograd_forward(d, x, winograd_pack<T>(d, weight, nullptr), y);
    return;
  }
  detail::with_winograd_forward(d, [&](const auto& convolution) {
    detail::winograd_convolve(convolution, x, detail::winograd_kernels<T>(d, weight, nullptr), y);
  });
}

/// dx (N, H, W, C): y of dy, once for each phase of the stride. There are taps for all phases.
template <class T>
void winograd_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                             GradientSpan<T> dx) {
  if (pairs_groups<T>(d)) {
    const auto pairs = detail::weights_of_pairs(d, weight);
    winograd_backward_input(detail::dims_of_pairs(d), pairs.data(), dy, dx);
    return;
  }
  const auto kernels = detail::winograd_turned_kernels(d, weight);
  const ConvOutput<T> y{dx.data(), d.c, dx.accumulate};
  if (winograd_is_1d(d.o, d.groups)) {
    winograd_1d_convolve(backward_tiles(d), dy, winograd_1d_weights<T>(d.c, d.o, kernels).data(),
                         y);
    return;
  }
  if (!uses_terms(d)) {
    detail::winograd_convolve(backward_tiles(d), dy, kernels, y);
    return;
  }
  for (Index phase = 0; phase < d.stride.area(); ++phase) {
    detail::winograd_convolve(backward_terms(d, {phase / d.stride.w, phase % d.stride.w}), dy,
                              kernels, y);
  }
}

/// dweight (O, C / groups, KH, KW) = sum over pixels of x at the taps times dy.
template <class T>
void winograd_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                              GradientSpan<T> dweight) {
  if (winograd_is_1d(d.c, d.groups)) {
    winograd_1d_backward_weight(forward_tiles(d), x, dy, dweight);
    return;
  }
  if (!pairs_groups<T>(d)) {
    detail::with_winograd_forward(
        d, [&](const auto& convolution) { winograd_weight_gradient(convolution, x, dy, dweight); });
    return;
  }
  Tensor<T> pairs({d.o, 2 * d.group_c() * d.taps()});
  winograd_backward_weight(detail::dims_of_pairs(d), x, dy, GradientSpan<T>{pairs.mutable_span()});
  detail::put_gradients_of_pairs(d, pairs, dweight);
}

CNNRNN_KERNELS_END
