#pragma once

#include <cstddef>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/columns.hpp"
#include "cnnrnn/kernels/conv2d/depthwise.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/direct.hpp"
#include "cnnrnn/kernels/conv2d/few_outputs.hpp"
#include "cnnrnn/kernels/conv2d/in_float.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs.hpp"
#include "cnnrnn/kernels/conv2d/pieces.hpp"
#include "cnnrnn/kernels/conv2d/product.hpp"
#include "cnnrnn/kernels/conv2d/winograd.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"

// Convolution in its three directions, each by the kernel that fits the shapes.

CNNRNN_KERNELS_BEGIN

/// How many blocks conv2d_forward makes of y: one each for the moments of its channels.
template <class T>
Index conv2d_blocks(const Conv2dDims& d) {
  switch (forward_kernel<T>(d)) {
    case ConvKernel::winograd:
    case ConvKernel::winograd_1d:
      return winograd_blocks<T>(d);
    case ConvKernel::product:
      return product_blocks<T>(d);
    case ConvKernel::depthwise:
      return depthwise_blocks<T>(d);
    case ConvKernel::few_outputs:
      return few_outputs_blocks<T>(d);
    case ConvKernel::pieces:
      return pieces_blocks<T>(d);
    default:
      return detail::direct_blocks<T>(d);
  }
}

/// The weights of conv2d_forward as the kernel of `d` reads them, those of each output times its
/// scale unless that is null.
template <class T>
Tensor<T> conv2d_pack(const Conv2dDims& d, const T* weight, const Accumulator<T>* scale = nullptr) {
  switch (forward_kernel<T>(d)) {
    case ConvKernel::winograd:
    case ConvKernel::winograd_1d:
      return winograd_pack(d, weight, scale);
    case ConvKernel::product:
      return product_weights(d, weight, scale);
    case ConvKernel::depthwise:
      return depthwise_weights(d, weight, scale);
    case ConvKernel::few_outputs:
      return few_outputs_weights(d, weight, scale);
    case ConvKernel::pieces:
      return pieces_weights(d, weight, scale);
    default:
      return detail::direct_weights(d, weight, scale);
  }
}

/// Whether conv2d_forward can pool what it makes by a kernel.
inline bool conv2d_pools(ConvKernel kernel) { return kernel == ConvKernel::winograd; }

/// y = x * weight, plus what the output asks for, by the kernel that the weights are packed for:
/// that of other sizes of the images may be another one.
template <class T>
void conv2d_forward(const Conv2dDims& d, ConvKernel kernel, const T* x, const Tensor<T>& packed,
                    const ConvOutput<T>& y) {
  switch (kernel) {
    case ConvKernel::winograd:
    case ConvKernel::winograd_1d:
      return winograd_forward(d, x, packed, y);
    case ConvKernel::product:
      return product_convolve(d, x, packed, y);
    case ConvKernel::depthwise:
      return depthwise_convolve(d, x, packed.data(), y);
    case ConvKernel::few_outputs:
      return few_outputs_convolve(d, x, packed.data(), y);
    case ConvKernel::pieces:
      return pieces_convolve(d, x, packed, y);
    default:
      return detail::direct_convolve(d, x, packed.data(), y);
  }
}

/// The same with the weights as they are, to the same bits.
template <class T>
void conv2d_forward(const Conv2dDims& d, const T* x, const T* weight, const ConvOutput<T>& y) {
  const ConvKernel kernel = forward_kernel<T>(d);
  if (kernel == ConvKernel::winograd || kernel == ConvKernel::winograd_1d) {
    winograd_forward(d, x, weight, y);
  } else if (kernel == ConvKernel::pieces) {
    pieces_convolve(d, x, weight, y);
  } else {
    conv2d_forward(d, kernel, x, conv2d_pack(d, weight), y);
  }
}

/// dx = dy * weight turned by half a turn, with the roles of the channels exchanged.
template <class T>
void conv2d_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  switch (backward_input_kernel<T>(d)) {
    case ConvKernel::winograd:
    case ConvKernel::winograd_1d:
      return winograd_backward_input(d, weight, dy, dx);
    case ConvKernel::product:
      return product_backward_input(d, weight, dy, dx);
    case ConvKernel::depthwise:
      return depthwise_backward_input(d, weight, dy, dx);
    case ConvKernel::few_outputs:
      return few_inputs_backward_input(d, weight, dy, dx);
    case ConvKernel::pieces:
      return pieces_backward_input(d, weight, dy, dx);
    case ConvKernel::columns:
      return detail::columns_backward_input(d, weight, dy, dx);
    default:
      return detail::direct_backward_input(d, weight, dy, dx);
  }
}

/// The transposed convolution dx (N, H, W, C) of dy (N, OH, OW, O): what conv2d_backward_input
/// makes of it, with a bias and a ReLU if dx asks for them.
template <class T>
void conv2d_transposed(const Conv2dDims& d, const T* weight, const T* dy, const ConvOutput<T>& dx) {
  if (backward_input_kernel<T>(d) == ConvKernel::product) {
    product_transposed(d, weight, dy, dx);
    return;
  }
  const Index rows = d.n * d.h * d.w;
  constexpr Index block = 64;
  if (dx.bias != nullptr) {
    const ConvOutput<T> sums{.data = dx.data, .channels = d.c, .bias = dx.bias};
    parallel_for(rows, block, [&](Index begin, Index end) { sums.start_rows(begin, end); });
  }
  const std::span<T> values(dx.data, static_cast<std::size_t>(rows * d.c));
  conv2d_backward_input(d, weight, dy, GradientSpan<T>{values, dx.bias != nullptr});
  if (dx.rectifies()) {
    relu_forward<T>(values, values);
  }
}

/// dweight = sum over pixels of x at the taps times dy.
template <class T>
void conv2d_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (!dweight.needed()) {
    return;
  }
  switch (backward_weight_kernel<T>(d)) {
    case ConvKernel::winograd:
    case ConvKernel::winograd_1d:
      return winograd_backward_weight(d, x, dy, dweight);
    case ConvKernel::product:
      return product_backward_weight(d, x, dy, dweight);
    case ConvKernel::depthwise:
      return depthwise_backward_weight(d, x, dy, dweight);
    case ConvKernel::few_outputs:
      return few_outputs_backward_weight(d, x, dy, dweight);
    case ConvKernel::pieces:
      return pieces_backward_weight(d, x, dy, dweight);
    default:
      return detail::direct_backward_weight(d, x, dy, dweight);
  }
}

// The same of bfloat16: by products of pairs, by Winograd's algorithm, or by the kernels of float.
// The last take no moments on the way: a batch norm finds those of the rounded result.

/// Whether conv2d_forward takes the moments of what it makes.
template <class T>
bool conv2d_takes_moments(const Conv2dDims& d) {
  const ConvKernel kernel = forward_kernel<T>(d);
  return !is_bfloat16<T> || kernel == ConvKernel::in_pairs || reads_bfloat16(d, kernel);
}

template <class T>
requires is_bfloat16<T> Index conv2d_blocks(const Conv2dDims& d) {
  return forward_kernel<T>(d) == ConvKernel::in_pairs ? pairs_blocks(d) : conv2d_blocks<float>(d);
}

template <class T>
requires is_bfloat16<T> Tensor<float> conv2d_pack(const Conv2dDims& d, const T* weight,
                                                  const Accumulator<T>* scale = nullptr) {
  const auto wide = widened(detail::weights_of(d), weight);
  return forward_kernel<T>(d) == ConvKernel::in_pairs ? pairs_weights(d, wide.data(), scale)
                                                      : conv2d_pack(d, wide.data(), scale);
}

template <class T>
requires is_bfloat16<T>
void conv2d_forward(const Conv2dDims& d, ConvKernel kernel, const T* x, const Tensor<float>& packed,
                    const ConvOutput<T>& y) {
  if (kernel == ConvKernel::in_pairs) {
    pairs_convolve(d, x, packed.data(), y);
    return;
  }
  if (reads_bfloat16(d, kernel) && y.is_rounded_once()) {
    detail::winograd_convolve(forward_tiles(d), x, packed.data(), y);
    return;
  }
  detail::for_conv_parts(d, [&](const detail::ConvPart& part) {
    const Index outputs = y.pool ? d.oh() / 2 * (d.ow() / 2) * d.o : part.outputs();
    detail::convolve_in_float(part, x, part.inputs(), y, outputs,
                              [&](const Conv2dDims& images, const float* from, const auto& to) {
                                conv2d_forward(images, kernel, from, packed, to);
                              });
  });
}

template <class T>
requires is_bfloat16<T>
void conv2d_forward(const Conv2dDims& d, const T* x, const T* weight, const ConvOutput<T>& y) {
  const ConvKernel kernel = forward_kernel<T>(d);
  if (reads_bfloat16(d, kernel) && y.is_rounded_once()) {
    detail::winograd_convolve(forward_tiles(d), x, detail::winograd_kernels<T>(d, weight, nullptr),
                              y);
    return;
  }
  conv2d_forward(d, kernel, x, conv2d_pack(d, weight), y);
}

template <class T>
requires is_bfloat16<T>
void conv2d_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (dx.needed()) {
    const ConvOutput<T> to{.data = dx.data(), .channels = d.c, .accumulate = dx.accumulate};
    conv2d_transposed(d, weight, dy, to);
  }
}

template <class T>
requires is_bfloat16<T>
void conv2d_transposed(const Conv2dDims& d, const T* weight, const T* dy, const ConvOutput<T>& dx) {
  const ConvKernel kernel = backward_input_kernel<T>(d);
  if (kernel == ConvKernel::in_pairs) {
    pairs_transposed(d, weight, dy, dx);
    return;
  }
  if (reads_bfloat16(d, kernel)) {
    detail::winograd_convolve(backward_tiles(d), dy, detail::winograd_turned_kernels(d, weight),
                              dx);
    return;
  }
  const auto wide = widened(detail::weights_of(d), weight);
  detail::for_conv_parts(d, [&](const detail::ConvPart& part) {
    detail::convolve_in_float(part, dy, part.outputs(), dx, part.inputs(),
                              [&](const Conv2dDims& images, const float* from, const auto& to) {
                                conv2d_transposed(images, wide.data(), from, to);
                              });
  });
}

template <class T>
requires is_bfloat16<T>
void conv2d_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (!dweight.needed()) {
    return;
  }
  const ConvKernel kernel = backward_weight_kernel<T>(d);
  if (kernel == ConvKernel::in_pairs) {
    pairs_backward_weight(d, x, dy, dweight);
    return;
  }
  if (reads_bfloat16(d, kernel)) {
    winograd_weight_gradient(forward_tiles(d), x, dy, dweight);
    return;
  }
  Tensor<float> sums({detail::weights_of(d)});
  detail::for_conv_parts(d, [&](const detail::ConvPart& part) {
    const auto from = widened(part.d.n * part.inputs(), x + part.first * part.inputs());
    const auto upstream = widened(part.d.n * part.outputs(), dy + part.first * part.outputs());
    conv2d_backward_weight(part.d, from.data(), upstream.data(),
                           GradientSpan<float>{sums.mutable_span(), part.first > 0});
  });
  round_gradient(sums.data(), dweight);
}

CNNRNN_KERNELS_END
