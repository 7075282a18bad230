#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/gemm.hpp"

// A 1x1 convolution without padding is a matrix product: pixels (N OH OW, C) times weights (C, O).
// At a stride, the pixels that it reads are brought together first.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Pixels of y that a job makes: what they read and write stays in the second cache, but of weights
/// that do not fit into it, each is used for many pixels.
template <class T>
Index product_block(const Conv2dDims& d) {
  constexpr Index elements = (1 << 18) / static_cast<Index>(sizeof(T));
  constexpr Index many_weights = (8 << 20) / static_cast<Index>(sizeof(T));
  const Index least = d.c * d.o > many_weights ? 16 * Tile<T>::rows : Tile<T>::rows;
  const Index rows = elements / std::max<Index>(1, d.c + d.o);
  return std::max(least, rows / Tile<T>::rows * Tile<T>::rows);
}

/// to (count, C) = the pixels of x that the pixels of y from `begin` on read.
template <class T>
void gather_pixels(const Conv2dDims& d, const T* x, Index begin, Index count, T* to) {
  const Index oh = d.oh();
  const Index ow = d.ow();
  for (Index pixel = begin; pixel < begin + count; ++pixel, to += d.c) {
    const Index row = pixel / ow % oh * d.stride.h;
    const Index column = pixel % ow * d.stride.w;
    std::copy_n(x + ((pixel / ow / oh * d.h + row) * d.w + column) * d.c, d.c, to);
  }
}

}  // namespace detail

/// How many blocks the output of product_convolve has.
template <class T>
Index product_blocks(const Conv2dDims& d) {
  const Index block = detail::product_block<T>(d);
  return (d.n * d.oh() * d.ow() + block - 1) / block;
}

/// The weights (O, C) as product_convolve reads them, those of each output times its scale unless
/// that is null.
template <class T>
Tensor<T> product_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  std::vector<T> scaled;
  if (scale != nullptr) {
    scaled.assign(weight, weight + d.o * d.c);
    for (Index i = 0; i < d.o * d.c; ++i) {
      scaled[static_cast<std::size_t>(i)] *= scale[i / d.c];
    }
    weight = scaled.data();
  }
  return PackedB<T>(d.o, d.c, {weight, 1, d.c}).packed();
}

/// y (N, OH, OW, O) = x (N, H, W, C) times the packed weights. Few pixels are one product, whose
/// columns the threads can share.
template <class T>
void product_convolve(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                      const ConvOutput<T>& y) {
  const PackedB<T> weights(d.o, d.c, packed);
  const bool gathers = d.stride != Size2d(1);
  const bool ends_in_product = y.residual == nullptr;
  const Index rows = detail::product_block<T>(d);
  parallel_for(d.n * d.oh() * d.ow(), rows, [&](Index begin, Index end) {
    const ThreadScratch<T> pixels(gathers ? (end - begin) * d.c : 0);
    if (gathers) {
      detail::gather_pixels(d, x, begin, end - begin, pixels.data());
    }
    const MatrixView<T> a{gathers ? pixels.data() : x + begin * d.c, d.c, 1};
    gemm(end - begin, a, weights,
         GemmOutput<T>{y.data + begin * d.o, d.o, y.accumulate, y.bias,
                       y.rectifies() && ends_in_product});
    if (ends_in_product) {
      y.finish_rest(begin / rows, begin, end);
    } else {
      y.finish(begin / rows, begin, end);
    }
  });
}

/// dx (N, H, W, C) = dy (N, OH, OW, O) times the weights (O, C), zeros between its pixels.
template <class T>
void product_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (d.stride == Size2d(1)) {
    gemm<T>(d.n * d.h * d.w, d.c, d.o, {dy, d.o, 1}, {weight, d.c, 1},
            {dx.data(), d.c, dx.accumulate});
    return;
  }
  const PackedB<T> weights(d.c, d.o, {weight, d.c, 1});
  const Index oh = d.oh();
  const Index ow = d.ow();
  // So many lines at a time that the weights, which may fill the second cache, are read for rows
  // enough.
  const Index lines = std::max<Index>(1, 8 * Tile<T>::rows / ow);
  parallel_for(d.n * oh, lines, [&](Index begin, Index end) {
    const ThreadScratch<T> pixels((end - begin) * ow * d.c);
    gemm((end - begin) * ow, {dy + begin * ow * d.o, d.o, 1}, weights,
         GemmOutput<T>{pixels.data(), d.c});
    for (Index line = begin; line < end; ++line) {
      const Index first = line % oh * d.stride.h;
      const Index last = line % oh + 1 < oh ? first + d.stride.h : d.h;
      T* const to = dx.data() + (line / oh * d.h + first) * d.w * d.c;
      if (!dx.accumulate) {
        std::fill_n(to, (last - first) * d.w * d.c, T(0));
      }
      for (Index q = 0; q < ow; ++q) {
        T* const pixel = to + q * d.stride.w * d.c;
        const T* const from = pixels.data() + ((line - begin) * ow + q) * d.c;
        for_each_lanes<T>(d.c, [=](const auto& lanes) {
          lanes.store(pixel, lanes.load(pixel) + lanes.load(from));
        });
      }
    }
  });
}

/// dweight (O, C) = dy^T times the pixels of x.
template <class T>
void product_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                             GradientSpan<T> dweight) {
  const Index pixels = d.n * d.oh() * d.ow();
  Tensor<T> gathered;
  if (d.stride != Size2d(1)) {
    gathered = Tensor<T>({pixels, d.c});
    T* const to = gathered.mutable_data();
    constexpr Index block = 64;
    parallel_for(pixels, block, [&](Index begin, Index end) {
      detail::gather_pixels(d, x, begin, end - begin, to + begin * d.c);
    });
    x = gathered.data();
  }
  gemm<T>(d.o, d.c, pixels, {dy, 1, d.o}, {x, d.c, 1}, {dweight.data(), d.c, dweight.accumulate});
}

CNNRNN_KERNELS_END
