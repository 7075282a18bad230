#pragma once

#include <algorithm>
#include <numeric>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/taps_inside.hpp"
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
  Size2d whole = kernel;  ///< the kernel that `kernel` is a part of
  Size2d first_tap{0};    ///< where in it that begins

  TapsOnAxis rows() const { return {h, out_h, kernel.h, stride.h, padding.h, dilation.h}; }
  TapsOnAxis columns() const { return {w, out_w, kernel.w, stride.w, padding.w, dilation.w}; }

  /// Whether nothing outside of the source is read.
  bool stays_inside() const {
    const auto inside = [](Index size, Index out, Index taps, Index step, Index before,
                           Index between) {
      return before <= 0 && (out - 1) * step + (taps - 1) * between - before < size;
    };
    return inside(h, out_h, kernel.h, stride.h, padding.h, dilation.h) &&
           inside(w, out_w, kernel.w, stride.w, padding.w, dilation.w);
  }

  /// The output is worked on in bands of about 512 pixels, whose input stays in the cache: rows, in
  /// whole register tiles if that can be, or parts of the one row of a sequence. Two bands at least
  /// for two threads at work on one image.
  template <class T>
  Index bands() const {
    const Index step = band_step<T>();
    return (cut_length() + step - 1) / step;
  }

  /// The window of a band: the same image, seen from further on.
  template <class T>
  ConvWindow band(Index index) const {
    const Index first = index * band_step<T>();
    const Index count = std::min(band_step<T>(), cut_length() - first);
    ConvWindow part = *this;
    if (out_h > 1) {
      part.out_h = count;
      part.padding.h -= first * stride.h;
    } else {
      part.out_w = count;
      part.padding.w -= first * stride.w;
    }
    return part;
  }

  /// The output pixel at which a band begins.
  template <class T>
  Index first_pixel(Index band) const {
    return band * band_step<T>() * (out_h > 1 ? out_w : 1);
  }

 private:
  Index cut_length() const { return out_h > 1 ? out_h : out_w; }

  /// Rows or, of one row, pixels of a band.
  template <class T>
  Index band_step() const {
    constexpr Index pixels = 512;
    const Index width = out_h > 1 ? std::max<Index>(1, out_w) : 1;
    const Index step = Tile<T>::rows / std::gcd(Tile<T>::rows, width);
    const Index rows = std::max<Index>(1, pixels / (step * width)) * step;
    return std::clamp<Index>(rows, 1, std::max<Index>(1, (cut_length() + 1) / 2));
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
