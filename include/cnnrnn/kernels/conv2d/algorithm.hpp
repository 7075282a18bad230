#pragma once

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

// Which algorithm computes a convolution: the shapes alone decide, unless the options do.

CNNRNN_KERNELS_BEGIN

/// Whether Winograd's algorithm exists for this convolution.
inline bool fits_winograd(const Conv2dDims& d) {
  return d.kernel == Size2d(3) && d.stride == Size2d(1) && d.dilation == Size2d(1) && d.groups == 1;
}

/// Whether Winograd's algorithm is the one to use: wherever it exists, since in the worst cases
/// measured it is a fifth slower; see docs/performance.md.
inline bool uses_winograd(const Conv2dDims& d) {
  return fits_winograd(d) && d.algorithm != ConvAlgorithm::direct;
}

/// Up to how many input channels Winograd's algorithm goes along the rows alone.
inline constexpr Index winograd_1d_most_channels = 6;

inline bool winograd_is_1d(Index channels) { return channels <= winograd_1d_most_channels; }

/// Whether the input gradient, where it is not Winograd's, goes through columns: always at a
/// stride, else if they waste less of the register tile than the direct algorithm does.
template <class T>
bool uses_columns(const Conv2dDims& d) {
  const auto used = [](Index columns) {
    const Index whole = round_up(columns, Tile<T>::columns);
    return static_cast<double>(columns) / static_cast<double>(whole);
  };
  constexpr double rest_for_adding = 0.75;
  return d.stride != Size2d(1) ||
         used(d.taps() * d.group_c()) * rest_for_adding > used(d.group_c());
}

CNNRNN_KERNELS_END
