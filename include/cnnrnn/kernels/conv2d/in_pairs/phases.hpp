#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/conv2d/direct/phases.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/convolve.hpp"

// The input gradient at a stride, phase by phase, as conv2d/direct/phases.hpp has it.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// One phase of dx, of dy with an even number of channels in each group.
class PairPhase {
 public:
  PairPhase(const Conv2dDims& d, Index row, Index column, const float* weight)
      : d_(d),
        rows_(phase_of_axis(row, d.h, d.kernel.h, d.stride.h, d.padding.h, d.dilation.h)),
        columns_(phase_of_axis(column, d.w, d.kernel.w, d.stride.w, d.padding.w, d.dilation.w)),
        window_{d.oh(),
                d.ow(),
                d.o + d.o % 2,
                rows_.pixels,
                columns_.pixels,
                {rows_.taps, columns_.taps},
                {1},
                {rows_.padding, columns_.padding},
                {rows_.dilation, columns_.dilation}} {
    if (!is_empty()) {
      const Tensor<float> taps = own_taps(weight);
      packed_ = pack_pair_weights(backward_weights(d_, taps.data(), rows_.taps * columns_.taps));
    }
  }

  /// Whether its pixels read nothing.
  bool is_empty() const { return window_.kernel.area() == 0; }

  void make(const bfloat16* dy, const GradientSpan<bfloat16>& dx) const {
    const PairJobs jobs(window_, d_.n);
    parallel_for(jobs.count(), 1, [&](Index index, Index) {
      const auto job = jobs[index];
      const ThreadScratch<float> sums(job.pixels() * d_.c);
      if (is_empty()) {
        std::fill_n(sums.data(), job.pixels() * d_.c, 0.0F);
      } else {
        convolve_pairs(job, d_.groups, d_.group_c(), dy, packed_.data(),
                       PairOutput<float>{sums.data(), d_.c});
      }
      put(job, sums.data(), dx);
    });
  }

 private:
  Tensor<float> own_taps(const float* weight) const {
    Tensor<float> taps({d_.o * d_.group_c(), rows_.taps * columns_.taps});
    float* to = taps.mutable_data();
    for (Index kernel = 0; kernel < d_.o * d_.group_c(); ++kernel, weight += d_.taps()) {
      for (Index i = 0; i < rows_.taps; ++i) {
        for (Index j = 0; j < columns_.taps; ++j) {
          *to++ = weight[rows_.tap(i) * d_.kernel.w + columns_.tap(j)];
        }
      }
    }
    return taps;
  }

  void put(const PairJobs::Job& job, const float* from, const GradientSpan<bfloat16>& dx) const {
    const Index of_image = rows_.pixels * columns_.pixels;
    for (Index pixel = job.first; pixel < job.first + job.pixels(); ++pixel, from += d_.c) {
      const Index line = pixel % of_image / columns_.pixels;
      const Index row = rows_.phase + line * d_.stride.h;
      const Index column = columns_.phase + pixel % columns_.pixels * d_.stride.w;
      bfloat16* const to = dx.data() + ((pixel / of_image * d_.h + row) * d_.w + column) * d_.c;
      for_each_lanes<bfloat16>(d_.c, [=, adds = dx.accumulate](const auto& lanes) {
        const auto sum = lanes.load(from);
        lanes.store(to, adds ? lanes.load(to) + sum : sum);
      });
    }
  }

  Conv2dDims d_;
  PhaseAxis rows_, columns_;
  ConvWindow window_;
  Tensor<float> packed_;
};

/// dx (N, H, W, C) = what dy (N, OH, OW, O), O rounded up to an even number, owes to each input.
inline void pair_phases_backward_input(const Conv2dDims& d, const float* weight, const bfloat16* dy,
                                       GradientSpan<bfloat16> dx) {
  for (Index row = 0; row < std::min(d.stride.h, d.h); ++row) {
    for (Index column = 0; column < std::min(d.stride.w, d.w); ++column) {
      const PairPhase phase(d, row, column, weight);
      if (!phase.is_empty() || !dx.accumulate) {
        phase.make(dy, dx);
      }
    }
  }
}

}  // namespace detail
CNNRNN_KERNELS_END
