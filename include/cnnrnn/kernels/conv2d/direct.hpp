#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/direct/narrow.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient_in_bands.hpp"
#include "cnnrnn/kernels/conv2d/direct/weights.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
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

/// to (N, out_h, out_w, groups * columns) = from seen through the window, times packed weights. A
/// block is a band.
template <class T>
void convolve(const ConvWindow& window, Index n, Index groups, Index columns, const T* from,
              const T* packed, const ConvOutput<T>& to) {
  const Index bands = window.bands<T>();
  const Index packed_group =
      round_up(columns, Packet<T>::width) * window.kernel.area() * (window.c / groups);
  parallel_for(n * bands, 1, [&](Index job, Index) {
    ConvBand<T> band(window.band<T>(job % bands), window.c / groups);
    const Index image = job / bands;
    const Index begin = image * window.out_h * window.out_w + window.first_pixel<T>(job % bands);
    T* const out = to.data + begin * to.channels;
    for (Index g = 0; g < groups; ++g) {
      band.fill(from + image * window.h * window.w * window.c, g);
      convolve_band(band, packed + g * packed_group, columns,
                    to.bias ? to.bias + g * columns : nullptr, out + g * columns, to.channels,
                    to.accumulate);
    }
    to.finish(job, begin, begin + band.pixels());
  });
}

/// The weights of direct_convolve as its tile reads them, those of each output times its scale
/// unless that is null.
template <class T>
Tensor<T> direct_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  if (parts_of_packet<T>(d) > 1) {
    return narrow_weights(d, weight, scale);
  }
  return pack_weights<T>({.data = weight,
                          .groups = d.groups,
                          .columns = d.group_o(),
                          .inner = d.group_c(),
                          .taps = d.taps(),
                          .group_stride = d.weight_at(d.group_o(), 0, 0, 0),
                          .column_stride = d.weight_at(1, 0, 0, 0),
                          .inner_stride = d.taps(),
                          .scale = scale});
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
template <class T>
void direct_convolve(const Conv2dDims& d, const T* x, const T* packed, const ConvOutput<T>& y) {
  if (parts_of_packet<T>(d) > 1) {
    narrow_convolve(d, x, packed, y);
  } else {
    convolve(forward_window(d), d.n, d.groups, d.group_o(), x, packed, y);
  }
}

/// dx at stride one: y of dy, with weights turned by half a turn.
template <class T>
void direct_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  const auto packed = pack_weights<T>({.data = weight,
                                       .groups = d.groups,
                                       .columns = d.group_c(),
                                       .inner = d.group_o(),
                                       .taps = d.taps(),
                                       .group_stride = d.weight_at(d.group_o(), 0, 0, 0),
                                       .column_stride = d.taps(),
                                       .inner_stride = d.weight_at(1, 0, 0, 0),
                                       .turned = true});
  convolve(backward_window(d), d.n, d.groups, d.group_c(), dy, packed.data(),
           ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

/// dweight = sum over pixels of x at the taps times dy: in place where all of it stays in the first
/// cache, for copies of x would cost too much there.
template <class T>
void direct_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  constexpr Index cached_elements = (48 << 10) / static_cast<Index>(sizeof(T));
  if (d.groups == 1 && d.o * d.c * d.taps() <= cached_elements) {
    backward_weight_in_bands(d, x, dy, dweight);
  } else {
    backward_weight_by_products(d, x, dy, dweight);
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
