#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/pack.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The weight gradient of a group, summed over a chunk of the bands in tiles of its own layout: for
/// each run of the window its rows, rounded up to those of a tile, times the columns, rounded up to
/// whole packets.
template <class T>
class BandWeightGradient {
 public:
  BandWeightGradient(const Conv2dDims& d, const ConvWindow& window)
      : d_(d), window_(window), columns_(round_up(d.group_o(), Packet<T>::width)) {
    const bool dense = window.dilation.w == 1;
    runs_ = d.kernel.h * (dense ? 1 : d.kernel.w);
    const Index length = (dense ? d.kernel.w : 1) * d.group_c();
    narrow_ = round_up(length, narrow_rows) < round_up(length, wide_rows);
    run_rows_ = round_up(length, narrow_ ? narrow_rows : wide_rows);
  }

  Index size() const { return runs_ * run_rows_ * columns_; }

  /// to (outputs, KH KW C) = the gradients of a packet of outputs, from output o on.
  void copy(const T* sum, Index o, T* to) const {
    const Index length = d_.taps() * d_.group_c() / runs_;
    for (Index run = 0; run < runs_; ++run) {
      for (Index row = 0; row < length; row += Packet<T>::width) {
        const Index rows = std::min(Packet<T>::width, length - row);
        for_each_transposed_row(Packet<T>::width, rows,
                                sum + (run * run_rows_ + row) * columns_ + o, columns_,
                                [&](Index output, Packet<T> gradients) {
                                  T* const of_output = to + output * d_.taps() * d_.group_c();
                                  gradients.store_partial(of_output + run * length + row, rows);
                                });
      }
    }
  }

  /// Adds what one band of one image contributes.
  void add(Index image, Index band_index, Index group, const T* x, const T* dy, T* sum) const {
    ConvBand<T> band(window_.band<T>(band_index), d_.group_c(), BandSource::copy);
    const Index pixel = image * window_.out_h * window_.out_w + window_.first_pixel<T>(band_index);
    band.fill(x + image * d_.h * d_.w * d_.c, group);
    const T* const gradients = dy + pixel * d_.o + group * d_.group_o();
    if (columns_ == d_.group_o()) {
      add_runs(band, gradients, d_.o, sum);
      return;
    }
    const ThreadScratch<T> padded(columns_ * band.pixels());
    pad_dy(band.pixels(), gradients, padded.data());
    add_runs(band, padded.data(), columns_, sum);
  }

 private:
  // A 3x3 kernel on images of three channels has runs of nine: 9 and 5 rows leave fewer empty
  // there.
  static constexpr Index wide_rows = Tile<T>::rows;
  static constexpr Index narrow_rows = (Tile<T>::rows * 3 + 3) / 4;

  /// dy (pixels, outputs of the group) with zeros up to whole packets
  void pad_dy(Index pixels, const T* dy, T* to) const {
    for_each_lanes<T>(columns_, [=, this, outputs = d_.group_o()](const auto& lanes) {
      const Index count = std::clamp<Index>(outputs - lanes.at, 0, Packet<T>::width);
      for (Index p = 0; p < pixels; ++p) {
        lanes.store(to + p * columns_, Packet<T>::load_partial(dy + p * d_.o + lanes.at, count));
      }
    });
  }

  /// dy (pixels, columns), the pixels `step` apart
  void add_runs(const ConvBand<T>& band, const T* dy, Index step, T* sum) const {
    if (narrow_) {
      add_tiles<narrow_rows>(band, dy, step, sum);
    } else {
      add_tiles<wide_rows>(band, dy, step, sum);
    }
  }

  template <Index Rows>
  void add_tiles(const ConvBand<T>& band, const T* dy, Index step, T* sum) const {
    constexpr Index width = Packet<T>::width;
    for (const Run run : band.runs()) {
      for (Index m = 0; m < run_rows_; m += Rows, sum += Rows * columns_) {
        const T* const a = band.pixel(0) + run.begin + m;
        for (Index n = 0; n < columns_; n += 2 * width) {
          const auto tile = columns_ - n > width ? gemm_transposed_tile<T, Rows, 2>
                                                 : gemm_transposed_tile<T, Rows, 1>;
          tile(band.rows(), band.row_step(), band.columns(), band.pixel_step(), a, dy + n, step,
               width, sum + n, columns_);
        }
      }
    }
  }

  Conv2dDims d_;
  ConvWindow window_;
  Index columns_;
  bool narrow_ = false;
  Index run_rows_ = 0;
  Index runs_ = 0;
};

/// dweight = sum over pixels of x at the taps times dy. The bands of all images are cut into a
/// fixed number of chunks, each summed on its own for each group and added in order.
template <class T>
void backward_weight_in_bands(const Conv2dDims& d, const T* x, const T* dy,
                              GradientSpan<T> dweight) {
  const ConvWindow window = forward_window(d);
  const detail::BandWeightGradient<T> gradient(d, window);
  const Index jobs = d.n * window.bands<T>();
  constexpr Index large = 1 << 18;
  const Index enough = gradient.size() > large ? 8 : 16;
  const Index most = std::max<Index>(1, enough / d.groups);
  const Index chunk = std::max<Index>(1, (jobs + most - 1) / most);
  const Index chunks = std::max<Index>(1, (jobs + chunk - 1) / chunk);  // of nothing: zeros
  Tensor<T> sums({chunks, d.groups, gradient.size()});
  T* const all = sums.mutable_data();
  parallel_for(chunks * d.groups, 1, [&](Index part, Index) {
    T* const sum = all + part * gradient.size();
    std::fill_n(sum, gradient.size(), T(0));
    const Index begin = part / d.groups * chunk;
    for (Index job = begin; job < std::min(jobs, begin + chunk); ++job) {
      gradient.add(job / window.bands<T>(), job % window.bands<T>(), part % d.groups, x, dy, sum);
    }
  });
  const Index packets = (d.group_o() + Packet<T>::width - 1) / Packet<T>::width;
  parallel_for(d.groups * packets, 1, [&](Index job, Index) {
    const Index first = job % packets * Packet<T>::width;
    const Index size = d.taps() * d.group_c();
    T* const group = all + job / packets * gradient.size();
    const ThreadScratch<T> rows(Packet<T>::width * size);
    gradient.copy(group, first, rows.data());
    const ThreadScratch<T> more(Packet<T>::width * size);
    for (Index part = 1; part < chunks; ++part) {
      gradient.copy(group + part * d.groups * gradient.size(), first, more.data());
      for_each_lanes<T>(Packet<T>::width * size, [&](const auto& lanes) {
        lanes.store(rows.data(), lanes.load(rows.data()) + lanes.load(more.data()));
      });
    }
    const Index output = job / packets * d.group_o() + first;
    for (Index o = 0; o < std::min(Packet<T>::width, d.group_o() - first); ++o) {
      channels_first(d.group_c(), d.taps(), rows.data() + o * size,
                     dweight.data() + (output + o) * size, dweight.accumulate);
    }
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
