#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/layout.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Cuts feature maps into patches and reads each row of patches as a sequence (Yin, Zhang and Shao
/// 2019, section 2).
///
/// x (N, H, W, C), patch P -> y (N M, K, C P P) with M = H / P rows of K = W / P patches; the
/// vector of a patch is in channel-major order c, i, j, as PyTorch flattens it. Saves nothing.
/// Throws ShapeError unless P divides H and W, ValueError unless it is positive.
template <class T>
Variable<T> patch_sequences(const Variable<T>& x, Index patch) {
  require<ValueError>(patch > 0, "patch_sequences: expected a positive patch size, got ", patch);
  require<ShapeError>(x.rank() == 4 && x.dim(1) % patch == 0 && x.dim(2) % patch == 0,
                      "patch_sequences: expected an input (N, H, W, C) with H and W multiples of ",
                      patch, ", got ", x.shape());
  const kernels::PatchDims d{x.dim(0), x.dim(1) / patch, x.dim(2) / patch, patch, x.dim(3)};
  Tensor<T> y({d.n * d.m, d.k, d.c * d.p * d.p});
  kernels::patch_sequences_forward(d, x.value().data(), y.mutable_data());
  return record<T>("patch_sequences", {x}, y, [d](Gradients<T>& g) {
    kernels::patch_sequences_backward(d, g.dy().data(), g.dx());
  });
}

CNNRNN_NAMESPACE_END
