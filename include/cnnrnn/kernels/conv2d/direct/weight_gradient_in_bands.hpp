#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The weight gradient of a convolution without groups, summed over a chunk of the bands in tiles
/// of its own layout: for each run of the window its rows, rounded up to those of a tile, times the
/// columns, rounded up to whole packets.
template <class T>
class BandWeightGradient {
 public:
  BandWeightGradient(const Conv2dDims& d, const ConvWindow& window)
      : d_(d), window_(window), columns_(round_up(d.o, Packet<T>::width)) {
    const bool dense = window.dilation.w == 1;
    runs_ = d.kernel.h * (dense ? 1 : d.kernel.w);
    const Index length = (dense ? d.kernel.w : 1) * d.c;
    narrow_ = round_up(length, narrow_rows) < round_up(length, wide_rows);
    run_rows_ = round_up(length, narrow_ ? narrow_rows : wide_rows);
  }

  Index size() const { return runs_ * run_rows_ * columns_; }

  /// Where the gradient of weight (o, c, i, j) lies.
  Index position(Index o, Index c, Index i, Index j) const {
    const bool dense = window_.dilation.w == 1;
    const Index run = dense ? i : i * d_.kernel.w + j;
    const Index row = dense ? j * d_.c + c : c;
    return (run * run_rows_ + row) * columns_ + o;
  }

  /// Adds what one band of one image contributes.
  void add(Index image, Index band_index, const T* x, const T* dy, T* sum) const {
    ConvBand<T> band(window_.band<T>(band_index), d_.c);
    const Index pixel = image * window_.out_h * window_.out_w + window_.first_pixel<T>(band_index);
    band.fill(x + image * d_.h * d_.w * d_.c, 0);
    if (columns_ == d_.o) {
      add_runs(band, dy + pixel * d_.o, sum);
      return;
    }
    const ThreadScratch<T> padded(columns_ * band.pixels());
    pad_dy(band.pixels(), dy + pixel * d_.o, padded.data());
    add_runs(band, padded.data(), sum);
  }

 private:
  // A 3x3 kernel on images of three channels has runs of nine: 9 and 5 rows leave fewer empty
  // there.
  static constexpr Index wide_rows = Tile<T>::rows;
  static constexpr Index narrow_rows = (Tile<T>::rows * 3 + 3) / 4;

  /// dy (pixels, O) with zeros up to whole packets
  void pad_dy(Index pixels, const T* dy, T* to) const {
    for (Index p = 0; p < pixels; ++p, dy += d_.o, to += columns_) {
      std::copy_n(dy, d_.o, to);
      std::fill(to + d_.o, to + columns_, T(0));
    }
  }

  /// dy (pixels, columns)
  void add_runs(const ConvBand<T>& band, const T* dy, T* sum) const {
    if (narrow_) {
      add_tiles<narrow_rows>(band, dy, sum);
    } else {
      add_tiles<wide_rows>(band, dy, sum);
    }
  }

  template <Index Rows>
  void add_tiles(const ConvBand<T>& band, const T* dy, T* sum) const {
    constexpr Index width = Packet<T>::width;
    for (const Run run : band.runs()) {
      for (Index m = 0; m < run_rows_; m += Rows, sum += Rows * columns_) {
        const T* const a = band.pixel(0) + run.begin + m;
        for (Index n = 0; n < columns_; n += 2 * width) {
          const auto tile = columns_ - n > width ? gemm_transposed_tile<T, Rows, 2>
                                                 : gemm_transposed_tile<T, Rows, 1>;
          tile(band.rows(), band.row_step(), band.columns(), band.pixel_step(), a, dy + n, columns_,
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
/// fixed number of chunks, each summed on its own and added in order.
template <class T>
void backward_weight_in_bands(const Conv2dDims& d, const T* x, const T* dy,
                              GradientSpan<T> dweight) {
  const ConvWindow window = forward_window(d);
  const detail::BandWeightGradient<T> gradient(d, window);
  const Index jobs = d.n * window.bands<T>();
  constexpr Index large = 1 << 18;
  const Index most = gradient.size() > large ? 8 : 16;
  const Index chunk = std::max<Index>(1, (jobs + most - 1) / most);
  const Index chunks = (jobs + chunk - 1) / chunk;
  Tensor<T> sums({chunks, gradient.size()});
  T* const all = sums.mutable_data();
  parallel_for(jobs, chunk, [&](Index begin, Index end) {
    T* const sum = all + begin / chunk * gradient.size();
    std::fill_n(sum, gradient.size(), T(0));
    for (Index job = begin; job < end; ++job) {
      gradient.add(job / window.bands<T>(), job % window.bands<T>(), x, dy, sum);
    }
  });
  parallel_for(d.o, 1, [&](Index o, Index) {
    Index to = o * d.c * d.taps();
    for (Index c = 0; c < d.c; ++c) {
      for (Index tap = 0; tap < d.taps(); ++tap, ++to) {
        const Index from = gradient.position(o, c, tap / d.kernel.w, tap % d.kernel.w);
        T sum = T(0);
        for (Index part = 0; part < chunks; ++part) {
          sum += all[part * gradient.size() + from];
        }
        dweight.put(to, sum);
      }
    }
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
