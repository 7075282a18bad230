#pragma once

#include <algorithm>
#include <numeric>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

CNNRNN_KERNELS_BEGIN

/// How a convolution sees its source (h, w, c): output pixel (p, q) reads, for the tap (i, j), the
/// place (p * stride + i * dilation - padding, ...) of the source, which has zeros around it.
struct ConvWindow {
  Index h, w, c;
  Index out_h, out_w;
  Size2d kernel;
  Size2d stride;
  Size2d padding;
  Size2d dilation;

  /// Output rows are worked on in bands of about 512 pixels, whose input stays in the cache: whole
  /// register tiles if that can be, and two bands at least for two threads at work
  /// on one image.
  template <class T>
  Index band_rows() const {
    constexpr Index pixels = 512;
    const Index step = Tile<T>::rows / std::gcd(Tile<T>::rows, out_w);
    const Index rows = std::max<Index>(1, pixels / (step * std::max<Index>(1, out_w))) * step;
    return std::clamp<Index>(rows, 1, std::max<Index>(1, (out_h + 1) / 2));
  }
  template <class T>
  Index bands() const {
    return (out_h + band_rows<T>() - 1) / band_rows<T>();
  }
};

/// How x is read to make y.
inline ConvWindow forward_window(const Conv2dDims& d) {
  return {d.h, d.w, d.c, d.oh(), d.ow(), d.kernel, d.stride, d.padding, d.dilation};
}

/// How dy is read to make dx at stride one: from the other side.
inline ConvWindow backward_window(const Conv2dDims& d) {
  const Size2d reach{d.dilation.h * (d.kernel.h - 1) - d.padding.h,
                     d.dilation.w * (d.kernel.w - 1) - d.padding.w};
  return {d.oh(), d.ow(), d.o, d.h, d.w, d.kernel, {1}, reach, d.dilation};
}

CNNRNN_KERNELS_END
