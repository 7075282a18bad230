#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/weights.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/windows.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"

CNNRNN_KERNELS_BEGIN
namespace detail {

/// One job: to (pixels, groups * columns) = from seen through the window, times packed weights.
template <class Out>
void convolve_pairs(const PairJobs::Job& job, Index groups, Index columns, const bfloat16* from,
                    const float* packed, const PairOutput<Out>& to) {
  const ConvWindow& window = job.window;
  const Index packed_group = packed_pairs(columns, window.kernel.area() * (window.c / groups));
  PairWindows windows(job, groups);
  for (Index g = 0; g < groups; ++g) {
    windows.look_at(from + job.image * window.h * window.w * window.c, g);
    multiply_pairs(job.pixels(), columns, windows.runs(), windows.rows(), packed + g * packed_group,
                   to.shifted(0, g * columns));
  }
}

/// The same with what the output asks for. An activation that is no ReLU is applied to sums that
/// are not rounded yet.
inline void convolve_pairs(const PairJobs::Job& job, Index groups, Index columns,
                           const bfloat16* from, const float* packed,
                           const ConvOutput<bfloat16>& to) {
  bfloat16* const rows = to.data + job.first * to.channels;
  const bfloat16* const beside = to.accumulate            ? rows
                                 : to.residual != nullptr ? to.residual + job.first * to.channels
                                                          : nullptr;
  if (to.is_rounded_once()) {
    convolve_pairs(job, groups, columns, from, packed,
                   PairOutput<bfloat16>{rows, to.channels, to.bias, beside, to.rectifies()});
    return;
  }
  const Index count = job.pixels() * to.channels;
  const ThreadScratch<float> sums(count);
  convolve_pairs(job, groups, columns, from, packed,
                 PairOutput<float>{sums.data(), to.channels, to.bias});
  with_activation<float>(to.activation, [=, sums = sums.data()](auto function) {
    for_each_lanes<float>(count, [=](const auto& lanes) {
      const auto sum = lanes.load(sums);
      lanes.store(rows, function.value(beside != nullptr ? sum + lanes.load(beside) : sum));
    });
  });
}

/// to (N, out_h, out_w, groups * columns) = from seen through the window, times packed weights.
inline void convolve_pairs(const ConvWindow& window, Index n, Index groups, Index columns,
                           const bfloat16* from, const float* packed,
                           const ConvOutput<bfloat16>& to) {
  const PairJobs jobs(window, n);
  parallel_for(jobs.count(), 1, [&](Index index, Index) {
    const auto job = jobs[index];
    convolve_pairs(job, groups, columns, from, packed, to);
    if (to.moments != nullptr) {
      to.moments->set(index, job.pixels(), to.data + job.first * to.channels);
    }
  });
}

}  // namespace detail
CNNRNN_KERNELS_END
