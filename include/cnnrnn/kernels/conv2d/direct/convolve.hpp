#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/direct/weights.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The pixels of one group of one band, times one panel of `Vectors` packets of columns.
template <class T, Index Vectors>
void convolve_panel(const ConvBand<T>& band, const T* panel, Index columns, const T* bias, T* to,
                    Index to_stride, bool accumulate) {
  constexpr Index third = Tile<T>::rows / 3;
  for (Index p0 = 0, step = 0; p0 < band.pixels(); p0 += step) {
    const Index left = band.pixels() - p0;
    step = tile_step(left, third);
    const T* pixels[Tile<T>::rows];
    band.pixels_from(p0, pixels);
    T* const target = to + p0 * to_stride;
    const auto tile = step == Tile<T>::rows ? gemm_rim_tile<T, Tile<T>::rows, Vectors>
                      : step == 2 * third   ? gemm_rim_tile<T, 2 * third, Vectors>
                                            : gemm_rim_tile<T, third, Vectors>;
    const auto start = accumulate ? TileStart<T>{target, to_stride} : TileStart<T>{bias, 0};
    tile(pixels, band.runs(), panel, start, target, to_stride, std::min(step, left), columns);
  }
}

/// One group of one band: to (pixels, columns of the group) = band * packed weights.
template <class T>
void convolve_band(const ConvBand<T>& band, const T* packed, Index columns, const T* bias, T* to,
                   Index to_stride, bool accumulate) {
  for (Index n0 = 0; n0 < columns; n0 += Tile<T>::columns) {
    const Index nr = panel_columns<T>(n0, columns);
    const auto convolve = nr == Tile<T>::columns ? convolve_panel<T, 2> : convolve_panel<T, 1>;
    convolve(band, packed + n0 * band.depth(), std::min(nr, columns - n0),
             bias != nullptr ? bias + n0 : nullptr, to + n0, to_stride, accumulate);
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
