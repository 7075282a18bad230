#pragma once

#include <algorithm>
#include <string_view>

#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

// Which kernel computes a convolution: the shapes alone decide, unless the options do.

CNNRNN_KERNELS_BEGIN

/// The kernels, each with a header of its name beside this one.
enum class ConvKernel { columns, depthwise, direct, pieces, product, winograd, winograd_1d };

inline std::string_view name(ConvKernel kernel) {
  switch (kernel) {
    case ConvKernel::columns:
      return "columns";
    case ConvKernel::depthwise:
      return "depthwise";
    case ConvKernel::direct:
      return "direct";
    case ConvKernel::pieces:
      return "pieces";
    case ConvKernel::product:
      return "product";
    case ConvKernel::winograd:
      return "winograd";
    case ConvKernel::winograd_1d:
      return "winograd_1d";
  }
  return "";
}

/// Whether Winograd's algorithm exists for this convolution.
inline bool fits_winograd(const Conv2dDims& d) {
  return d.kernel == Size2d(3) && d.stride == Size2d(1) && d.dilation == Size2d(1) && d.groups == 1;
}

/// Whether Winograd's algorithm is the one to use: wherever it exists, since in the worst cases
/// measured it is a fifth slower; see docs/performance.md.
inline bool uses_winograd(const Conv2dDims& d) {
  return fits_winograd(d) && d.algorithm != ConvAlgorithm::direct;
}

/// Up to how many channels of its source Winograd's algorithm goes along the rows alone.
inline constexpr Index winograd_1d_most_channels = 6;

inline bool winograd_is_1d(Index channels) { return channels <= winograd_1d_most_channels; }

/// Whether the convolution is put together from 3x3 ones: a larger kernel, or a dilated one, for
/// which Winograd's algorithm saves more of the products than the zeros behind the taps bring back,
/// and enough channels to pay for the transforms.
inline bool uses_pieces(const Conv2dDims& d) {
  const auto pieces = [](Index taps) { return (taps + 2) / 3; };
  constexpr Index least_channels = 16;
  const Index with_zeros = 9 * pieces(d.kernel.h) * pieces(d.kernel.w);
  return d.algorithm != ConvAlgorithm::direct && d.stride == Size2d(1) && d.groups == 1 &&
         5 * with_zeros <= 11 * d.taps() && std::min(d.c, d.o) >= least_channels;
}

/// Whether the convolution is a product of matrices: no two of its windows share a pixel.
inline bool is_product(const Conv2dDims& d) {
  const auto apart = [](Index kernel, Index stride, Index dilation) {
    return kernel == 1 || (dilation == 1 && kernel <= stride);
  };
  return apart(d.kernel.h, d.stride.h, d.dilation.h) &&
         apart(d.kernel.w, d.stride.w, d.dilation.w) && d.padding == Size2d(0) && d.groups == 1;
}

/// Whether the groups are so narrow that a packet of outputs holds two of them or more: each by
/// itself would leave most of a register tile empty.
template <class T>
bool is_depthwise(const Conv2dDims& d) {
  const Index widest = std::max(d.group_c(), d.group_o());
  return d.groups > 1 && (widest == 1 || 2 * widest <= Packet<T>::width);
}

/// Whether an input gradient goes through columns: always at a stride, else if they waste less of
/// their packets than the direct algorithm does.
template <class T>
bool uses_columns(const Conv2dDims& d) {
  const auto used = [](Index columns) {
    const Index whole = round_up(columns, Packet<T>::width);
    return static_cast<double>(columns) / static_cast<double>(whole);
  };
  constexpr double rest_for_adding = 0.75;
  return d.stride != Size2d(1) ||
         used(d.taps() * d.group_c()) * rest_for_adding > used(d.group_c());
}

/// The kernel of y.
template <class T>
ConvKernel forward_kernel(const Conv2dDims& d) {
  if (uses_winograd(d)) {
    return winograd_is_1d(d.c) ? ConvKernel::winograd_1d : ConvKernel::winograd;
  }
  return is_product(d)        ? ConvKernel::product
         : is_depthwise<T>(d) ? ConvKernel::depthwise
         : uses_pieces(d)     ? ConvKernel::pieces
                              : ConvKernel::direct;
}

/// The kernel of the gradient of the input.
template <class T>
ConvKernel backward_input_kernel(const Conv2dDims& d) {
  if (uses_winograd(d)) {
    return winograd_is_1d(d.o) ? ConvKernel::winograd_1d : ConvKernel::winograd;
  }
  const ConvKernel kernel = forward_kernel<T>(d);
  return kernel == ConvKernel::direct && uses_columns<T>(d) ? ConvKernel::columns : kernel;
}

/// Whether the transformed weight gradient, four times as large as the gradient, would be written
/// for fewer tiles than pay for it.
template <class T>
bool has_few_tiles_for_weights(const Conv2dDims& d) {
  constexpr Index most_tiles = 32;
  constexpr Index many_weights = (1 << 20) / static_cast<Index>(sizeof(T));
  const auto tiles = [](Index pixels) { return (pixels + 3) / 4; };
  return d.n * tiles(d.oh()) * tiles(d.ow()) <= most_tiles && d.taps() * d.c * d.o > many_weights;
}

/// The kernel of the gradient of the weight.
template <class T>
ConvKernel backward_weight_kernel(const Conv2dDims& d) {
  const ConvKernel kernel = forward_kernel<T>(d);
  const bool direct = kernel == ConvKernel::winograd && d.algorithm != ConvAlgorithm::winograd &&
                      has_few_tiles_for_weights<T>(d);
  return direct ? ConvKernel::direct : kernel;
}

CNNRNN_KERNELS_END
