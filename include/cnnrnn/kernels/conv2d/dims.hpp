#pragma once

#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/conv2d/options.hpp"

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
};

CNNRNN_KERNELS_END
