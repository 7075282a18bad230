#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/depthwise.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"

// Convolutions of many channels to few outputs, which would leave most of a packet of outputs
// empty. Packets hold channels instead: each output is a depthwise convolution, summed over its
// channels while these are in the first cache.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The sum of the elements of a pixel, still in the lanes of a packet.
template <class T>
Packet<T> sum_in_lanes(Index channels, const T* pixel) {
  auto sum = Packet<T>::zero();
  for_each_lanes<T>(channels, [&](const auto& lanes) { sum = sum + lanes.load(pixel); });
  return sum;
}

/// to[p step] = start, or what is there to accumulate, plus the sum of the channels of pixel p.
template <class T>
void sum_channels(Index pixels, Index channels, const T* from, T start, bool accumulate, T* to,
                  Index step) {
  constexpr auto width = static_cast<std::size_t>(Packet<T>::width);
  for (Index p0 = 0; p0 < pixels; p0 += Packet<T>::width) {
    const Index count = std::min(Packet<T>::width, pixels - p0);
    std::array<Packet<T>, width> lanes;
    for (std::size_t p = 0; p < width; ++p) {
      const Index pixel = p0 + std::min(static_cast<Index>(p), count - 1);
      lanes[p] = sum_in_lanes(channels, from + pixel * channels);
    }
    transpose(lanes);
    auto sum = Packet<T>::set(start);
    for (const auto& lane : lanes) {
      sum = sum + lane;
    }
    T sums[width];
    sum.store(sums);
    for (Index p = 0; p < count; ++p) {
      T& result = to[(p0 + p) * step];
      result = accumulate ? result + sums[p] : sums[p];
    }
  }
}

/// The depthwise convolution of which each output is a sum, seen from y or from dx.
inline GroupedView one_output_view(const TapAxes& axes, Index n, Index channels) {
  return {along_rows(axes), n, channels, channels, 1, 1};
}
inline GroupedView few_outputs_view(const Conv2dDims& d) {
  return one_output_view(forward_axes(d), d.n, d.c);
}
inline GroupedView few_inputs_view(const Conv2dDims& d) {
  return one_output_view(backward_axes(d), d.n, d.o);
}

/// Rows of which all channels stay in the first cache.
template <class T>
Index rows_to_sum(const GroupedView& view) {
  constexpr Index elements = (1 << 14) / static_cast<Index>(sizeof(T));
  return std::max<Index>(1, elements / std::max<Index>(1, view.columns() * view.channels));
}

/// to (N, result, outputs) = from (N, source, channels) convolved with weights (outputs, KH KW,
/// channels).
template <class T>
void convolve_to_few(const GroupedView& view, const T* from, const T* packed,
                     const ConvOutput<T>& to) {
  const GroupedResult<T> result(view, from, ConvOutput<T>{});
  const GroupedJobs<T> jobs(view);
  const Index columns = view.columns();
  const Index together = rows_to_sum<T>(view);
  const auto make = [&](Index image, Index first, Index last, const Places& part) {
    const ThreadScratch<T> scratch((last - first) * columns * view.channels);
    for (Index o = 0; o < to.channels; ++o) {
      result.make(image, first, last, part, packed + o * view.taps() * view.channels,
                  scratch.data());
      const T start = to.bias != nullptr ? to.bias[o] : T(0);
      for (Index row = first; row < last; ++row) {
        const Index pixel = (image * view.rows() + row) * columns + part.begin;
        sum_channels(part.count(), view.channels,
                     scratch.data() + ((row - first) * columns + part.begin) * view.channels, start,
                     to.accumulate, to.data + pixel * to.channels + o, to.channels);
      }
    }
  };
  parallel_for(jobs.count, jobs.block, [&](Index begin, Index end) {
    jobs.parts.for_rows(begin, end, together, make);
    to.finish(begin / jobs.block, jobs.parts.pixels_before(begin), jobs.parts.pixels_before(end));
  });
}

}  // namespace detail

/// How many blocks the output of few_outputs_convolve has.
template <class T>
Index few_outputs_blocks(const Conv2dDims& d) {
  return detail::GroupedJobs<T>(detail::few_outputs_view(d)).blocks();
}

/// Weights (O, KH KW, C) from (O, C, KH, KW), those of each output times its scale unless that is
/// null.
template <class T>
Tensor<T> few_outputs_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  const Index size = d.taps() * d.c;
  Tensor<T> packed({d.o, size});
  T* const to = packed.mutable_data();
  for (Index o = 0; o < d.o; ++o) {
    detail::taps_first(d.c, d.taps(), weight + o * size, scale != nullptr ? scale[o] : T(1),
                       to + o * size);
  }
  return packed;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
template <class T>
void few_outputs_convolve(const Conv2dDims& d, const T* x, const T* packed,
                          const ConvOutput<T>& y) {
  detail::convolve_to_few(detail::few_outputs_view(d), x, packed, y);
}

/// dx (N, H, W, C), of few channels = what dy (N, OH, OW, O) owes to each input.
template <class T>
void few_inputs_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                               GradientSpan<T> dx) {
  Tensor<T> packed({d.c, d.taps(), d.o});
  T* to = packed.mutable_data();
  for (Index c = 0; c < d.c; ++c) {
    for (Index tap = 0; tap < d.taps(); ++tap) {
      for (Index o = 0; o < d.o; ++o) {
        *to++ = weight[(o * d.c + c) * d.taps() + tap];
      }
    }
  }
  detail::convolve_to_few(detail::few_inputs_view(d), dy, packed.data(),
                          ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

/// dweight (O, C, KH, KW) = sum over pixels of x at the taps times dy, each element of which is
/// spread over the channels.
template <class T>
void few_outputs_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                                 GradientSpan<T> dweight) {
  const detail::GroupedView view = detail::few_outputs_view(d);
  const detail::GroupedGradient<T> gradient(view, x);
  const Index columns = view.columns();
  const Index size = d.taps() * d.c;
  const auto add = [&](Index image, Index first, Index last, const auto& part, T* sums) {
    const Index pixels = (last - first) * columns;
    const T* const from = dy + (image * view.rows() + first) * columns * d.o;
    const ThreadScratch<T> spread(pixels * d.c);
    for (Index o = 0; o < d.o; ++o) {
      for (Index pixel = 0; pixel < pixels; ++pixel) {
        std::fill_n(spread.data() + pixel * d.c, d.c, from[pixel * d.o + o]);
      }
      gradient.add(image, first, last, part, spread.data(), sums + o * size);
    }
  };
  const auto all_sums =
      detail::sum_over_rows<T>(view, d.o * size, detail::rows_to_sum<T>(view), add);
  const T* const sums = all_sums.data();
  for (Index o = 0; o < d.o; ++o) {
    for (Index c = 0; c < d.c; ++c) {
      for (Index tap = 0; tap < d.taps(); ++tap) {
        dweight.put((o * d.c + c) * d.taps() + tap, sums[(o * d.taps() + tap) * d.c + c]);
      }
    }
  }
}

CNNRNN_KERNELS_END
