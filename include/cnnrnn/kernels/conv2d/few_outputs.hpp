#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/few_outputs/dots.hpp"
#include "cnnrnn/kernels/conv2d/few_outputs/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"

// Convolutions of many channels to few outputs, which would leave most of a packet of outputs
// empty. Packets hold what a window reads instead: each output of a pixel is a scalar product.

CNNRNN_KERNELS_BEGIN

/// How many blocks the output of few_outputs_convolve has.
template <class T>
Index few_outputs_blocks(const Conv2dDims& d) {
  return d.n * forward_window(d).bands<T>();
}

/// The weights (O, C, KH, KW) as few_outputs_convolve reads them, those of each output times its
/// scale unless that is null.
template <class T>
Tensor<T> few_outputs_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  const detail::WindowRuns runs(forward_window(d));
  const Index size = d.taps() * d.c;
  Tensor<T> packed({d.o, runs.padded_size<T>()});
  T* const to = packed.mutable_data();
  parallel_for(d.o, 1, [&](Index o, Index) {
    const ThreadScratch<T> window(size);
    detail::taps_first(d.c, d.taps(), weight + o * size, scale != nullptr ? scale[o] : T(1),
                       window.data());
    runs.pad(window.data(), to + o * runs.padded_size<T>());
  });
  return packed;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
template <class T>
void few_outputs_convolve(const Conv2dDims& d, const T* x, const T* packed,
                          const ConvOutput<T>& y) {
  detail::convolve_to_few(forward_window(d), d.n, x, packed, y);
}

/// dx (N, H, W, C), of few channels, at stride one = y of dy, with weights turned by half a turn.
template <class T>
void few_inputs_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                               GradientSpan<T> dx) {
  const detail::WindowRuns runs(backward_window(d));
  Tensor<T> packed({d.c, runs.padded_size<T>()});
  T* const to = packed.mutable_data();
  parallel_for(d.c, 1, [&](Index c, Index) {
    const ThreadScratch<T> window(d.taps() * d.o);
    for (Index tap = 0; tap < d.taps(); ++tap) {
      const T* const turned = weight + (c + 1) * d.taps() - 1 - tap;
      for (Index o = 0; o < d.o; ++o) {
        window.data()[tap * d.o + o] = turned[o * d.c * d.taps()];
      }
    }
    runs.pad(window.data(), to + c * runs.padded_size<T>());
  });
  detail::convolve_to_few(backward_window(d), d.n, dy, packed.data(),
                          ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

/// dweight (O, C, KH, KW) = sum over pixels of x at the taps times dy.
template <class T>
void few_outputs_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                                 GradientSpan<T> dweight) {
  const detail::WindowRuns runs(forward_window(d));
  const auto sums = detail::few_outputs_sums(d, x, dy);
  const Index size = d.taps() * d.c;
  parallel_for(d.o, 1, [&](Index o, Index) {
    const ThreadScratch<T> window(size);
    runs.unpad(sums.data() + o * runs.padded_size<T>(), window.data());
    detail::channels_first(d.c, d.taps(), window.data(), dweight.data() + o * size,
                           dweight.accumulate);
  });
}

CNNRNN_KERNELS_END
