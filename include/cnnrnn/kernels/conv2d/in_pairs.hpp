#pragma once

#include "cnnrnn/kernels/conv2d/in_pairs/convolve.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/jobs.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/phases.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/weights.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/windows.hpp"
#include "cnnrnn/kernels/loops/widen.hpp"

// Convolutions of bfloat16 by products of pairs: two channels of a source, or two pixels where the
// gradient of the weight is summed. An odd number of channels gets a zero beside it.

CNNRNN_KERNELS_BEGIN

/// How many blocks the output of pairs_convolve has.
inline Index pairs_blocks(const Conv2dDims& d) {
  return detail::PairJobs(forward_window(d), d.n).count();
}

/// The weights as pairs_convolve reads them, those of each output times its scale unless that is
/// null, and rounded.
inline Tensor<float> pairs_weights(const Conv2dDims& d, const float* weight, const float* scale) {
  return detail::pack_pair_weights(detail::forward_weights(d, weight, scale));
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
inline void pairs_convolve(const Conv2dDims& d, const bfloat16* x, const float* packed,
                           const ConvOutput<bfloat16>& y) {
  const EvenRows even(d.n * d.h * d.w, d.c, x);
  ConvWindow window = forward_window(d);
  window.c = even.stride();
  detail::convolve_pairs(window, d.n, d.groups, d.group_o(), even.data(), packed, y);
}

/// The transposed convolution dx (N, H, W, C) of dy (N, OH, OW, O): what the gradient of the input
/// is of it, with a bias and a ReLU if dx asks for them.
inline void pairs_transposed(const Conv2dDims& d, const bfloat16* weight, const bfloat16* dy,
                             const ConvOutput<bfloat16>& dx) {
  const auto wide = widened(d.o * d.group_c() * d.taps(), weight);
  const EvenRows even(d.n * d.oh() * d.ow(), d.o, dy);
  if (d.stride == Size2d(1)) {
    ConvWindow window = backward_window(d);
    window.c = even.stride();
    const auto packed =
        detail::pack_pair_weights(detail::backward_weights(d, wide.data(), d.taps()));
    detail::convolve_pairs(window, d.n, d.groups, d.group_c(), even.data(), packed.data(), dx);
    return;
  }
  const std::span<bfloat16> values(dx.data, static_cast<std::size_t>(d.n * d.h * d.w * d.c));
  if (dx.bias != nullptr) {
    constexpr Index block = 64;
    const ConvOutput<bfloat16> start{.data = dx.data, .channels = d.c, .bias = dx.bias};
    parallel_for(d.n * d.h * d.w, block,
                 [&](Index begin, Index end) { start.start_rows(begin, end); });
  }
  detail::pair_phases_backward_input(
      d, wide.data(), even.data(),
      GradientSpan<bfloat16>{values, dx.accumulate || dx.bias != nullptr});
  if (dx.rectifies()) {
    relu_forward<bfloat16>(values, values);
  }
}

/// dweight = sum over pixels of x at the taps times dy.
inline void pairs_backward_weight(const Conv2dDims& d, const bfloat16* x, const bfloat16* dy,
                                  const GradientSpan<bfloat16>& dweight) {
  detail::pair_backward_weight(d, x, dy, dweight);
}

CNNRNN_KERNELS_END
