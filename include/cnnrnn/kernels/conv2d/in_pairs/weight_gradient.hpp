#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/direct/weight_gradient.hpp"
#include "cnnrnn/kernels/gemm/pairs.hpp"

// The weight gradient is a product whose sums run over pixels: pairs are two pixels.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// sums (O, K) = dy^T times what the pixels read of x, of one job.
inline void add_pair_weight_gradient(const Conv2dDims& d, const WeightGradientJobs<float>& jobs,
                                     Index index, const bfloat16* x, const bfloat16* dy,
                                     float* sums) {
  constexpr Index depth = WeightGradientJobs<float>::depth;
  constexpr Index nr = Tile<float>::columns;
  const auto job = jobs[index];
  const Index k = d.taps() * d.group_c();
  const bool in_place = d.taps() == 1 && d.stride == Size2d(1) && d.padding == Size2d(0);
  const WindowColumns<bfloat16> window(forward_window(d), d.groups);
  const ThreadScratch<bfloat16> columns_of_x(depth * nr);
  const ThreadScratch<float> panels(jobs.columns() * depth / 2);
  const ThreadScratch<bfloat16> outputs(d.group_o() * depth);
  for (Index p0 = job.first_pixel; p0 < job.end_pixel; p0 += depth) {
    const Index pixels = std::min(depth, job.end_pixel - p0);
    const Index even = pixels + pixels % 2;
    Index group = -1;
    for (Index index_of_unit = job.first_unit; index_of_unit < job.end_unit; ++index_of_unit) {
      const auto unit = jobs.unit(index_of_unit);
      if (group != unit.group) {
        group = unit.group;
        transpose_pairs(d.group_o(), pixels, dy + p0 * d.o + group * d.group_o(), d.o,
                        outputs.data(), even);
      }
      if (in_place) {
        pack_pairs(unit.columns, pixels, x + p0 * d.c + group * d.group_c() + unit.n0, d.c,
                   panels.data());
      }
      for (Index n = 0; n < unit.columns && !in_place; n += nr) {
        const Index count = std::min(nr, unit.columns - n);
        window.copy(x + group * d.group_c(), p0, pixels, unit.n0 + n, count, columns_of_x.data(),
                    nr);
        pack_pairs(count, pixels, columns_of_x.data(), nr, panels.data() + n * even / 2);
      }
      const PairRows rows(d.group_o(), outputs.data(), even);
      const Run run{0, even};
      float* const to = sums + group * d.group_o() * k + unit.n0;
      multiply_pairs(
          d.group_o(), unit.columns, std::span(&run, 1), rows.data(), panels.data(),
          PairOutput<float>{
              .data = to, .row_stride = k, .beside = p0 > job.first_pixel ? to : nullptr});
    }
  }
}

/// dweight by products.
inline void pair_backward_weight(const Conv2dDims& d, const bfloat16* x, const bfloat16* dy,
                                 const GradientSpan<bfloat16>& dweight) {
  const Index k = d.taps() * d.group_c();
  const WeightGradientJobs<float> jobs(d);
  const Shape shape{jobs.parts(), d.o, k};
  auto sums = d.n > 0 ? Tensor<float>(shape) : Tensor<float>::zeros(shape);
  float* const all = sums.mutable_data();
  parallel_for(jobs.count(), 1, [&](Index index, Index) {
    add_pair_weight_gradient(d, jobs, index, x, dy, all + jobs[index].part * d.o * k);
  });
  parallel_for(d.o, 1, [&](Index o, Index) {
    const ThreadScratch<float> gradient(k);
    put_weight_gradient(d.group_c(), d.taps(), jobs.parts(), all + o * k, d.o * k, gradient.data(),
                        false);
    for_each_lanes<float>(k, [=, from = gradient.data(), to = dweight.data() + o * k,
                              adds = dweight.accumulate](const auto& lanes) {
      const auto sum = lanes.load(from);
      lanes.store(to, adds ? lanes.load(to) + sum : sum);
    });
  });
}

}  // namespace detail
CNNRNN_KERNELS_END
