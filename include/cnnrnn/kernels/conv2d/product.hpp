#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"
#include "cnnrnn/kernels/gemm.hpp"

// A convolution whose windows do not overlap, such as a 1x1 one, is a matrix product: windows
// (N OH OW, K) times weights (K, O). Unless these lie side by side in x, they are brought together
// first.
//
//   K   KH KW C: all that an output pixel reads

CNNRNN_KERNELS_BEGIN

namespace detail {

inline Index window_size(const Conv2dDims& d) { return d.taps() * d.c; }

/// Pixels of y that a job makes: what they read and write stays in the second cache, but of weights
/// that do not fit into it, each is used for many pixels.
template <class T>
Index product_block(const Conv2dDims& d) {
  constexpr Index elements = (1 << 18) / static_cast<Index>(sizeof(T));
  constexpr Index many_weights = (8 << 20) / static_cast<Index>(sizeof(T));
  const Index k = window_size(d);
  const Index least = k * d.o > many_weights ? 16 * Tile<T>::rows : Tile<T>::rows;
  const Index rows = elements / std::max<Index>(1, k + d.o);
  return std::max(least, rows / Tile<T>::rows * Tile<T>::rows);
}

/// Calls body(begin of the run in x, its place in the window, its length) for the rows of the
/// window that a pixel of y reads.
template <class Body>
void for_window_rows(const Conv2dDims& d, Index pixel, const Body& body) {
  const Index row = pixel / d.ow() % d.oh() * d.stride.h;
  const Index column = pixel % d.ow() * d.stride.w;
  const Index first = ((pixel / d.ow() / d.oh() * d.h + row) * d.w + column) * d.c;
  const Index length = d.kernel.w * d.c;
  for (Index i = 0; i < d.kernel.h; ++i) {
    body(first + i * d.w * d.c, i * length, length);
  }
}

/// to (count, K) = the windows of the pixels of y from `begin` on.
template <class T>
void gather_windows(const Conv2dDims& d, const T* x, Index begin, Index count, T* to) {
  for (Index pixel = begin; pixel < begin + count; ++pixel, to += window_size(d)) {
    for_window_rows(d, pixel, [=](Index from, Index place, Index length) {
      for_each_lanes<T>(length,
                        [=](const auto& lanes) { lanes.store(to + place, lanes.load(x + from)); });
    });
  }
}

/// The weights (O, K) of each output side by side as a window has them, times its scale unless that
/// is null.
template <class T>
Tensor<T> window_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  Tensor<T> rows({d.o, window_size(d)});
  T* const to = rows.mutable_data();
  parallel_for(d.o, 1, [&](Index o, Index) {
    taps_first(d.c, d.taps(), weight + o * window_size(d), scale != nullptr ? scale[o] : T(1),
               to + o * window_size(d));
  });
  return rows;
}

/// Puts windows (count, K) to the places of the pixels of y from `begin` on, or adds them to these.
template <class T>
void scatter_windows(const Conv2dDims& d, const T* windows, Index begin, Index count,
                     bool accumulate, T* x) {
  for (Index pixel = begin; pixel < begin + count; ++pixel, windows += window_size(d)) {
    for_window_rows(d, pixel, [=](Index to, Index place, Index length) {
      for_each_lanes<T>(length, [=](const auto& lanes) {
        const auto value = lanes.load(windows + place);
        lanes.store(x + to, accumulate ? lanes.load(x + to) + value : value);
      });
    });
  }
}

}  // namespace detail

/// How many blocks the output of product_convolve has.
template <class T>
Index product_blocks(const Conv2dDims& d) {
  const Index block = detail::product_block<T>(d);
  return (d.n * d.oh() * d.ow() + block - 1) / block;
}

/// The weights (O, C, KH, KW) as product_convolve reads them, those of each output times its scale
/// unless that is null.
template <class T>
Tensor<T> product_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  const Index k = detail::window_size(d);
  Tensor<T> rows;
  if (d.taps() > 1 || scale != nullptr) {
    rows = detail::window_weights(d, weight, scale);
    weight = rows.data();
  }
  return PackedB<T>(d.o, k, {weight, 1, k}).packed();
}

/// y (N, OH, OW, O) = x (N, H, W, C) times the packed weights. Few pixels are one product, whose
/// columns the threads can share.
template <class T>
void product_convolve(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                      const ConvOutput<T>& y) {
  const Index k = detail::window_size(d);
  const PackedB<T> weights(d.o, k, packed);
  const bool gathers = !windows_are_rows(d);
  const bool ends_in_product = y.residual == nullptr;
  const Index rows = detail::product_block<T>(d);
  parallel_for(d.n * d.oh() * d.ow(), rows, [&](Index begin, Index end) {
    const ThreadScratch<T> windows(gathers ? (end - begin) * k : 0);
    if (gathers) {
      detail::gather_windows(d, x, begin, end - begin, windows.data());
    }
    const MatrixView<T> a{gathers ? windows.data() : x + begin * k, k, 1};
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

/// The transposed convolution dx (N, H, W, C) = dy (N, OH, OW, O) times the weights, between and
/// behind the windows what it starts from.
template <class T>
void product_transposed(const Conv2dDims& d, const T* weight, const T* dy,
                        const ConvOutput<T>& dx) {
  const Index k = detail::window_size(d);
  const auto rows = d.taps() > 1 ? detail::window_weights<T>(d, weight, nullptr) : Tensor<T>();
  const MatrixView<T> b{d.taps() > 1 ? rows.data() : weight, k, 1};
  std::vector<T> bias;  // of a window
  for (Index tap = 0; dx.bias != nullptr && tap < d.taps(); ++tap) {
    bias.insert(bias.end(), dx.bias, dx.bias + d.c);
  }
  const T* const start = dx.bias != nullptr ? bias.data() : nullptr;
  if (windows_are_rows(d)) {
    gemm<T>(d.n * d.oh() * d.ow(), k, d.o, {dy, d.o, 1}, b,
            {dx.data, k, dx.accumulate, start, dx.rectifies()});
    return;
  }
  const PackedB<T> weights(k, d.o, b);
  const bool fills = !dx.accumulate && !windows_fill(d);
  // So many lines at a time that the weights, which may fill the second cache, are read for rows
  // enough.
  const Index oh = d.oh();
  const Index ow = d.ow();
  const Index lines = std::max<Index>(1, 8 * Tile<T>::rows / ow);
  parallel_for(d.n * oh, lines, [&](Index begin, Index end) {
    const ThreadScratch<T> windows((end - begin) * ow * k);
    gemm((end - begin) * ow, {dy + begin * ow * d.o, d.o, 1}, weights,
         GemmOutput<T>{windows.data(), k, false, start, dx.rectifies()});
    for (Index line = begin; fills && line < end; ++line) {
      const Index first = line % oh * d.stride.h;
      const Index last = line % oh + 1 < oh ? first + d.stride.h : d.h;
      dx.start_rows((line / oh * d.h + first) * d.w, (line / oh * d.h + last) * d.w);
    }
    detail::scatter_windows(d, windows.data(), begin * ow, (end - begin) * ow, dx.accumulate,
                            dx.data);
  });
}

/// dx (N, H, W, C) = dy (N, OH, OW, O) times the weights, zeros between the windows.
template <class T>
void product_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  product_transposed(
      d, weight, dy,
      ConvOutput<T>{.data = dx.data(), .channels = d.c, .accumulate = dx.accumulate});
}

/// dweight (O, C, KH, KW) = dy^T times the windows of x.
template <class T>
void product_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                             GradientSpan<T> dweight) {
  const Index pixels = d.n * d.oh() * d.ow();
  const Index k = detail::window_size(d);
  Tensor<T> gathered;
  if (!windows_are_rows(d)) {
    gathered = Tensor<T>({pixels, k});
    T* const to = gathered.mutable_data();
    constexpr Index block = 64;
    parallel_for(pixels, block, [&](Index begin, Index end) {
      detail::gather_windows(d, x, begin, end - begin, to + begin * k);
    });
    x = gathered.data();
  }
  const auto product = [&](const GemmOutput<T>& to) {
    gemm<T>(d.o, k, pixels, {dy, 1, d.o}, {x, k, 1}, to);
  };
  if (d.taps() == 1) {
    product({dweight.data(), k, dweight.accumulate});
    return;
  }
  Tensor<T> rows({d.o, k});
  product({rows.mutable_data(), k});
  const T* const from = rows.data();
  parallel_for(d.o, 1, [&](Index o, Index) {
    detail::channels_first(d.c, d.taps(), from + o * k, dweight.data() + o * k, dweight.accumulate);
  });
}

CNNRNN_KERNELS_END
