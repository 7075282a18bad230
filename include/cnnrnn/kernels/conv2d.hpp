#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/columns.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/direct.hpp"
#include "cnnrnn/kernels/conv2d/winograd.hpp"

// Convolution in its three directions, each by the algorithm that fits the shapes.

CNNRNN_KERNELS_BEGIN

/// How many blocks conv2d_forward makes of y: one each for the moments of its channels.
template <class T>
Index conv2d_blocks(const Conv2dDims& d) {
  return uses_winograd(d) ? winograd_blocks<T>(forward_tiles(d))
                          : d.n * forward_window(d).bands<T>();
}

/// The weights of conv2d_forward as its algorithm reads them, those of each output times its scale
/// unless that is null.
template <class T>
Tensor<T> conv2d_pack(const Conv2dDims& d, const T* weight, const T* scale = nullptr) {
  if (uses_winograd(d)) {
    const Index taps = d.taps();
    return winograd_weights<T>(
        d.o, d.c, {.data = weight, .column_stride = d.c * taps, .k_stride = taps, .scale = scale});
  }
  return detail::pack_weights<T>(
      d.groups, d.group_o(), d.kernel, d.group_c(),
      [=](Index g, Index column, Index i, Index j, Index c) __attribute__((always_inline)) {
        const Index o = g * d.group_o() + column;
        const T value = weight[d.weight_at(o, c, i, j)];
        return scale != nullptr ? value * scale[o] : value;
      });
}

/// Whether conv2d_forward can pool what it makes.
inline bool conv2d_pools(const Conv2dDims& d) { return uses_winograd(d) && !winograd_is_1d(d.c); }

/// y = x * weight, plus what the output asks for, with packed weights.
template <class T>
void conv2d_forward(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                    const ConvOutput<T>& y) {
  if (uses_winograd(d)) {
    winograd_convolve(forward_tiles(d), x, packed.data(), y);
  } else {
    detail::convolve(forward_window(d), d.n, d.groups, d.group_o(), x, packed.data(), y);
  }
}

/// The same with the weights as they are.
template <class T>
void conv2d_forward(const Conv2dDims& d, const T* x, const T* weight, const ConvOutput<T>& y) {
  conv2d_forward(d, x, conv2d_pack(d, weight), y);
}

/// dx = dy * weight turned by half a turn, with the roles of the channels exchanged.
template <class T>
void conv2d_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const ConvOutput<T> output{dx.data(), d.c, dx.accumulate};
  if (uses_winograd(d)) {
    const Index taps = d.taps();
    const auto u = winograd_weights<T>(
        d.c, d.o, {.data = weight, .column_stride = taps, .k_stride = d.c * taps, .turned = true});
    winograd_convolve(backward_tiles(d), dy, u.data(), output);
    return;
  }
  if (uses_columns<T>(d)) {
    detail::columns_backward_input(d, weight, dy, dx);
    return;
  }
  const auto packed = detail::pack_weights<T>(
      d.groups, d.group_c(), d.kernel,
      d.group_o(), [=](Index g, Index c, Index i, Index j, Index k) __attribute__((always_inline)) {
        return weight[d.weight_at(g * d.group_o() + k, c, d.kernel.h - 1 - i, d.kernel.w - 1 - j)];
      });
  detail::convolve(backward_window(d), d.n, d.groups, d.group_c(), dy, packed.data(), output);
}

/// dweight = sum over pixels of x at the taps times dy.
template <class T>
void conv2d_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (!dweight.needed()) {
    return;
  }
  if (uses_winograd(d)) {
    winograd_backward_weight(forward_tiles(d), x, dy, dweight);
  } else {
    detail::direct_backward_weight(d, x, dy, dweight);
  }
}

CNNRNN_KERNELS_END
