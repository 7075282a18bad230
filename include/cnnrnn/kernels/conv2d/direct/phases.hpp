#pragma once

#include <algorithm>
#include <numeric>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/convolve.hpp"

// The input gradient at a stride, phase by phase: pixels of dx that lie a stride apart read dy by
// the same taps, so each phase is a convolution of dy at stride one.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A phase along one axis: the taps by which its pixels read dy, `step` of them apart, and the
/// window that they make when the last of them comes first.
struct PhaseAxis {
  Index phase, pixels;
  Index first, step, taps;
  Index dilation, padding;

  Index tap(Index index) const { return first + index * step; }
};

inline PhaseAxis phase_of_axis(Index phase, Index size, Index kernel, Index stride, Index padding,
                               Index dilation) {
  const Index common = std::gcd(stride, dilation);
  PhaseAxis axis{
      phase, (size - phase + stride - 1) / stride, 0, stride / common, 0, dilation / common, 0};
  const auto reads = [&](Index tap) { return (phase + padding - tap * dilation) % stride == 0; };
  while (axis.first < std::min(axis.step, kernel) && !reads(axis.first)) {
    ++axis.first;
  }
  if (axis.first < std::min(axis.step, kernel)) {
    axis.taps = (kernel - axis.first + axis.step - 1) / axis.step;
    axis.padding = (axis.tap(axis.taps - 1) * dilation - phase - padding) / stride;
  }
  return axis;
}

/// One phase of dx.
template <class T>
class InputPhase {
 public:
  InputPhase(const Conv2dDims& d, Index row, Index column, const T* weight)
      : d_(d),
        rows_(phase_of_axis(row, d.h, d.kernel.h, d.stride.h, d.padding.h, d.dilation.h)),
        columns_(phase_of_axis(column, d.w, d.kernel.w, d.stride.w, d.padding.w, d.dilation.w)),
        window_{d.oh(),
                d.ow(),
                d.o,
                rows_.pixels,
                columns_.pixels,
                {rows_.taps, columns_.taps},
                {1},
                {rows_.padding, columns_.padding},
                {rows_.dilation, columns_.dilation}} {
    if (!is_empty()) {
      pack(weight);
    }
  }

  /// Whether its pixels read nothing.
  bool is_empty() const { return window_.kernel.area() == 0; }

  Index bands() const { return window_.bands<T>(); }

  /// Makes a band of the phase of an image, from dy (OH, OW, O) to dx (H, W, C).
  void make(Index index, const T* dy, T* dx, bool accumulate) const {
    const ConvWindow part = window_.band<T>(index);
    const Index first = window_.first_pixel<T>(index);
    const Index pixels = part.out_h * part.out_w;
    const Index channels = d_.group_c();
    const Index packed_group =
        round_up(channels, Packet<T>::width) * window_.kernel.area() * d_.group_o();
    if (is_empty()) {
      fill(first, pixels, dx);
      return;
    }
    const ThreadScratch<T> results(pixels * channels);
    ConvBand<T> band(part, d_.group_o());
    for (Index group = 0; group < d_.groups; ++group) {
      band.fill(dy, group);
      convolve_band(band, packed_.data() + group * packed_group, channels,
                    static_cast<const T*>(nullptr), results.data(), channels, false);
      put(first, pixels, results.data(), dx + group * channels, accumulate);
    }
  }

 private:
  void pack(const T* weight) {
    Tensor<T> taps({d_.o * d_.group_c(), window_.kernel.area()});
    T* to = taps.mutable_data();
    for (Index kernel = 0; kernel < d_.o * d_.group_c(); ++kernel, weight += d_.taps()) {
      for (Index i = 0; i < rows_.taps; ++i) {
        for (Index j = 0; j < columns_.taps; ++j) {
          *to++ = weight[rows_.tap(i) * d_.kernel.w + columns_.tap(j)];
        }
      }
    }
    packed_ = pack_weights<T>(backward_weights(d_, taps.data(), window_.kernel.area()));
  }

  /// Where pixel `pixel` of the phase lies.
  Index place(Index pixel) const {
    const Index row = rows_.phase + pixel / columns_.pixels * d_.stride.h;
    const Index column = columns_.phase + pixel % columns_.pixels * d_.stride.w;
    return (row * d_.w + column) * d_.c;
  }

  void put(Index first, Index pixels, const T* from, T* dx, bool accumulate) const {
    const Index channels = d_.group_c();
    for (Index pixel = 0; pixel < pixels; ++pixel, from += channels) {
      T* const to = dx + place(first + pixel);
      for_each_lanes<T>(channels, [=](const auto& lanes) {
        const auto value = lanes.load(from);
        lanes.store(to, accumulate ? lanes.load(to) + value : value);
      });
    }
  }

  void fill(Index first, Index pixels, T* dx) const {
    for (Index pixel = first; pixel < first + pixels; ++pixel) {
      std::fill_n(dx + place(pixel), d_.c, T(0));
    }
  }

  Conv2dDims d_;
  PhaseAxis rows_, columns_;
  ConvWindow window_;
  Tensor<T> packed_;
};

/// dx (N, H, W, C) = what dy (N, OH, OW, O) owes to each input.
template <class T>
void phases_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  for (Index row = 0; row < std::min(d.stride.h, d.h); ++row) {
    for (Index column = 0; column < std::min(d.stride.w, d.w); ++column) {
      const InputPhase<T> phase(d, row, column, weight);
      if (phase.is_empty() && dx.accumulate) {
        continue;
      }
      const Index bands = phase.bands();
      parallel_for(d.n * bands, 1, [&](Index job, Index) {
        const Index image = job / bands;
        phase.make(job % bands, dy + image * d.oh() * d.ow() * d.o,
                   dx.data() + image * d.h * d.w * d.c, dx.accumulate);
      });
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
