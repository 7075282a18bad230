#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"

CNNRNN_KERNELS_BEGIN

/// A convolution y (N, OH, OW, O) = x (N, H, W, C) * weight (O, C / groups, KH, KW).
struct Conv2dDims {
  Index n, h, w, c, o;
  Size2d kernel;
  Size2d stride{1};
  Size2d padding{0};
  Size2d dilation{1};
  Index groups = 1;
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;

  Index oh() const { return (h + 2 * padding.h - dilation.h * (kernel.h - 1) - 1) / stride.h + 1; }
  Index ow() const { return (w + 2 * padding.w - dilation.w * (kernel.w - 1) - 1) / stride.w + 1; }
  Index group_c() const { return c / groups; }
  Index group_o() const { return o / groups; }
  Index taps() const { return kernel.h * kernel.w; }

  /// Where the weight of output channel k, input channel l of its group and tap (i, j) lies.
  Index weight_at(Index k, Index l, Index i, Index j) const {
    return ((k * group_c() + l) * kernel.h + i) * kernel.w + j;
  }

  /// Whether Winograd's algorithm exists for this convolution.
  bool fits_winograd() const {
    return kernel == Size2d(3) && stride == Size2d(1) && dilation == Size2d(1) && groups == 1;
  }

  /// Whether it is the algorithm to use: wherever it exists, since in the worst cases measured it
  /// is a fifth slower; see docs/performance.md.
  bool uses_winograd() const { return fits_winograd() && algorithm != ConvAlgorithm::direct; }

  /// The tiles of y, and those of dx seen from dy.
  WinogradTiles forward_tiles() const { return {n, h, w, c, oh(), ow(), o, padding}; }
  WinogradTiles backward_tiles() const {
    return {n, oh(), ow(), o, h, w, c, {2 - padding.h, 2 - padding.w}};
  }

  /// How x is read to make y.
  ConvWindow forward_window() const {
    return {h, w, c, oh(), ow(), kernel, stride, padding, dilation};
  }

  /// How dy is read to make dx at stride one: from the other side.
  ConvWindow backward_window() const {
    const Size2d reach{dilation.h * (kernel.h - 1) - padding.h,
                       dilation.w * (kernel.w - 1) - padding.w};
    return {oh(), ow(), o, h, w, kernel, {1}, reach, dilation};
  }
};

CNNRNN_KERNELS_END
