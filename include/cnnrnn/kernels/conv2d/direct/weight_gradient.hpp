#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/window_columns.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"
#include "cnnrnn/kernels/gemm/block.hpp"

// The weight gradient is a product: dy^T (O, pixels) times what the pixels read of x (pixels, K),
// which is copied block by block as the tiles want it.
//
//   K   KH KW C: all that an output pixel reads in its group

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How the products are cut into jobs: by units, which are some columns of a group each, and by
/// pixels: then the parts are added in the end. Shapes alone decide.
template <class T>
class WeightGradientJobs {
 public:
  static constexpr Index depth = GemmBlock<T>::depth;

  explicit WeightGradientJobs(const Conv2dDims& d)
      : pixels_(d.n * d.oh() * d.ow()), k_(d.taps() * d.group_c()) {
    constexpr Index enough = 16;
    columns_ = std::clamp(round_up(k_ / enough, Tile<T>::columns), GemmBlock<T>::columns / 2,
                          GemmBlock<T>::columns);
    blocks_ = (k_ + columns_ - 1) / columns_;
    units_ = d.groups * blocks_;
    const Index whole = std::max<Index>(1, (pixels_ + depth - 1) / depth);
    const Index parts = std::clamp<Index>(enough / units_, 1, whole);
    part_pixels_ = (whole + parts - 1) / parts * depth;
    parts_ = (whole * depth + part_pixels_ - 1) / part_pixels_;
    job_units_ = std::max<Index>(1, units_ * parts_ / enough);
  }

  /// Some columns of a group.
  struct Unit {
    Index group, n0, columns;
  };
  Unit unit(Index index) const {
    const Index n0 = index % blocks_ * columns_;
    return {index / blocks_, n0, std::min(columns_, k_ - n0)};
  }

  /// Some units, summed over some of the pixels.
  struct Job {
    Index part, first_unit, end_unit, first_pixel, end_pixel;
  };
  Job operator[](Index job) const {
    const Index part = job % parts_;
    const Index first = job / parts_ * job_units_;
    return {part, first, std::min(units_, first + job_units_), part * part_pixels_,
            std::min(pixels_, (part + 1) * part_pixels_)};
  }
  Index count() const { return parts_ * ((units_ + job_units_ - 1) / job_units_); }
  Index parts() const { return parts_; }
  Index columns() const { return columns_; }

 private:
  Index pixels_, k_;
  Index columns_, blocks_, units_, job_units_;
  Index part_pixels_, parts_;
};

/// sums (O, K) = dy^T times the columns of one job.
template <class T>
void add_weight_gradient(const Conv2dDims& d, const WeightGradientJobs<T>& jobs, Index index,
                         const T* x, const T* dy, T* sums) {
  constexpr Index depth = WeightGradientJobs<T>::depth;
  constexpr Index nr = Tile<T>::columns;
  const auto job = jobs[index];
  const Index k = d.taps() * d.group_c();
  const WindowColumns<T> window(forward_window(d), d.groups);
  const ThreadScratch<T> panels(jobs.columns() * depth);
  alignas(64) T copy[Tile<T>::rows * depth];
  for (Index p0 = job.first_pixel; p0 < job.end_pixel; p0 += depth) {
    const Index pixels = std::min(depth, job.end_pixel - p0);
    for (Index unit = job.first_unit; unit < job.end_unit; ++unit) {
      const auto [group, n0, columns] = jobs.unit(unit);
      for (Index n = 0; n < columns; n += nr) {
        window.copy(x + group * d.group_c(), p0, pixels, n0 + n, std::min(nr, columns - n),
                    panels.data() + n * pixels, nr);
      }
      const MatrixView<T> a{dy + p0 * d.o + group * d.group_o(), 1, d.o};
      const GemmOutput<T> c{sums + group * d.group_o() * k + n0, k, p0 > job.first_pixel};
      for_each_row_group<T>(d.group_o(), [&, n_count = columns](auto rows, Index row) {
        const auto rows_of_a = copy_rows<rows>(pixels, a.shifted(row, 0), copy);
        gemm_row_of_tiles<rows>(n_count, pixels, rows_of_a, {panels.data(), nr * pixels, nr},
                                c.shifted(row, 0), {});
      });
    }
  }
}

/// dweight (O, C / groups, taps) of one output: the sum of the parts (taps, C / groups).
template <class T>
void put_weight_gradient(Index channels, Index taps, Index parts, T* sums, Index part_stride,
                         T* dweight, bool accumulate) {
  for (Index part = 1; part < parts; ++part) {
    const T* const more = sums + part * part_stride;
    for_each_lanes<T>(channels * taps, [=](const auto& lanes) {
      lanes.store(sums, lanes.load(sums) + lanes.load(more));
    });
  }
  channels_first(channels, taps, sums, dweight, accumulate);
}

/// dweight by products.
template <class T>
void backward_weight_by_products(const Conv2dDims& d, const T* x, const T* dy,
                                 GradientSpan<T> dweight) {
  const Index k = d.taps() * d.group_c();
  const WeightGradientJobs<T> jobs(d);
  // Without images no job has a pixel to begin its sums with.
  const Shape shape{jobs.parts(), d.o, k};
  auto sums = d.n > 0 ? Tensor<T>(shape) : Tensor<T>::zeros(shape);
  T* const all = sums.mutable_data();
  parallel_for(jobs.count(), 1, [&](Index index, Index) {
    add_weight_gradient(d, jobs, index, x, dy, all + jobs[index].part * d.o * k);
  });
  parallel_for(d.o, 1, [&](Index o, Index) {
    put_weight_gradient(d.group_c(), d.taps(), jobs.parts(), all + o * k, d.o * k,
                        dweight.data() + o * k, dweight.accumulate);
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
