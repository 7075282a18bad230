#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/direct/convolve.hpp"
#include "cnnrnn/kernels/conv2d/direct/narrow.hpp"
#include "cnnrnn/kernels/conv2d/direct/phases.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient_in_bands.hpp"
#include "cnnrnn/kernels/conv2d/direct/weights.hpp"
#include "cnnrnn/kernels/conv2d/direct/zones.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How many blocks convolve makes of an image.
template <class T>
Index convolve_blocks(const ConvWindow& window, Index groups) {
  return has_zones(window, groups) ? ZonedConvolution<T>(window, 0, nullptr).blocks()
                                   : window.bands<T>();
}

/// to (N, out_h, out_w, columns) = from seen through the window, times packed weights. A block is
/// one of the zones.
template <class T>
void convolve_zones(const ConvWindow& window, Index n, Index columns, const T* from,
                    const T* packed, const ConvOutput<T>& to) {
  const ZonedConvolution<T> zones(window, columns, packed);
  parallel_for(n * zones.blocks(), 1, [&](Index job, Index) {
    const Index block = job % zones.blocks();
    const Index image = job / zones.blocks();
    const Index first = image * window.out_h * window.out_w;
    zones.make(block, from + image * window.h * window.w * window.c, first, to);
    to.finish(job, first + zones.begin(block), first + zones.end(block));
  });
}

/// to (N, out_h, out_w, groups * columns) = from seen through the window, times packed weights. A
/// block is a band, or a zone.
template <class T>
void convolve(const ConvWindow& window, Index n, Index groups, Index columns, const T* from,
              const T* packed, const ConvOutput<T>& to) {
  if (has_zones(window, groups)) {
    convolve_zones(window, n, columns, from, packed, to);
    return;
  }
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

/// How many blocks the output of direct_convolve has.
template <class T>
Index direct_blocks(const Conv2dDims& d) {
  const ConvWindow window = forward_window(d);
  return d.n *
         (parts_of_packet<T>(d) > 1 ? window.bands<T>() : convolve_blocks<T>(window, d.groups));
}

/// The weights of direct_convolve as its tile reads them, those of each output times its scale
/// unless that is null.
template <class T>
Tensor<T> direct_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  if (parts_of_packet<T>(d) > 1) {
    return narrow_weights(d, weight, scale);
  }
  return pack_weights<T>(forward_weights(d, weight, scale));
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
  if (d.stride != Size2d(1)) {
    phases_backward_input(d, weight, dy, dx);
    return;
  }
  const auto packed = pack_weights<T>(backward_weights(d, weight, d.taps()));
  convolve(backward_window(d), d.n, d.groups, d.group_c(), dy, packed.data(),
           ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

/// dweight = sum over pixels of x at the taps times dy: in place where all of it stays in the first
/// cache, for copies of x would cost too much there.
template <class T>
void direct_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  constexpr Index cached_elements = (48 << 10) / static_cast<Index>(sizeof(T));
  if (d.group_o() * d.group_c() * d.taps() <= cached_elements) {
    backward_weight_in_bands(d, x, dy, dweight);
  } else {
    backward_weight_by_products(d, x, dy, dweight);
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
