#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/conv2d/direct/window.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// The part of one image and one channel group that the window of a band reads, copied once with
/// its zeros: no tile ever meets a border.
template <class T>
class ConvBand {
 public:
  ConvBand(const ConvWindow& window, Index channels)
      : window_(window),
        channels_(channels),
        in_rows_((window.out_h - 1) * window.stride.h + (window.kernel.h - 1) * window.dilation.h +
                 1),
        in_columns_((window.out_w - 1) * window.stride.w +
                    (window.kernel.w - 1) * window.dilation.w + 1),
        copy_(in_rows_ * in_columns_ * channels + Tile<T>::rows) {
    // A transposed tile reads MR elements at a time, past the last channel of the last pixel.
    std::fill_n(copy_.data() + in_rows_ * in_columns_ * channels, Tile<T>::rows, T(0));
    const bool dense = window.dilation.w == 1;
    for (Index i = 0; i < window.kernel.h; ++i) {
      for (Index j = 0; j < (dense ? 1 : window.kernel.w); ++j) {
        const Index place = i * window.dilation.h * in_columns_ + j * window.dilation.w;
        runs_.push_back({place * channels, (dense ? window.kernel.w : 1) * channels});
      }
    }
  }

  /// Copies the channels of group `group` out of an image (h, w, c).
  void fill(const T* image, Index group) {
    T* to = copy_.data();
    for (Index row = 0; row < in_rows_; ++row, to += in_columns_ * channels_) {
      const Index place = row - window_.padding.h;
      if (place >= 0 && place < window_.h) {
        fill_row(image + place * window_.w * window_.c + group * channels_, to);
      } else {
        std::fill_n(to, in_columns_ * channels_, T(0));
      }
    }
  }

  Index rows() const { return window_.out_h; }
  Index columns() const { return window_.out_w; }
  Index lines() const { return in_rows_; }
  Index pixels() const { return window_.out_h * window_.out_w; }
  Index depth() const { return window_.kernel.h * window_.kernel.w * channels_; }

  /// What an output pixel sums over, relative to pixel(): a run for each row of the kernel, or for
  /// each tap if the kernel is dilated.
  std::span<const Run> runs() const { return runs_; }
  const T* pixel(Index p) const {
    return copy_.data() + p / window_.out_w * row_step() + p % window_.out_w * pixel_step();
  }
  /// Pixels p, p + 1, ... for the rows of a register tile; the last one for those past the end.
  void pixels_from(Index p, const T* (&pixels)[Tile<T>::rows]) const {
    Index column = p % window_.out_w;
    const T* from = pixel(p);
    for (const T*& place : pixels) {
      place = from;
      if (++p < this->pixels()) {
        const bool wraps = ++column == window_.out_w;
        column = wraps ? 0 : column;
        from += wraps ? row_step() - (window_.out_w - 1) * pixel_step() : pixel_step();
      }
    }
  }
  Index row_step() const { return window_.stride.h * in_columns_ * channels_; }
  Index pixel_step() const { return window_.stride.w * channels_; }

 private:
  void fill_row(const T* row, T* to) const {
    const Index first = std::clamp<Index>(window_.padding.w, 0, in_columns_);
    const Index last = std::clamp<Index>(window_.padding.w + window_.w, first, in_columns_);
    std::fill_n(to, first * channels_, T(0));
    copy_pixels(last - first, row + (first - window_.padding.w) * window_.c,
                to + first * channels_);
    std::fill_n(to + last * channels_, (in_columns_ - last) * channels_, T(0));
  }

  void copy_pixels(Index pixels, const T* from, T* to) const {
    if (channels_ == window_.c) {
      std::copy_n(from, pixels * channels_, to);
      return;
    }
    for_each_lanes<T>(channels_, [this, pixels, from, to](const auto& lanes) {
      for (Index pixel = 0; pixel < pixels; ++pixel) {
        lanes.store(to + pixel * channels_, lanes.load(from + pixel * window_.c));
      }
    });
  }

  ConvWindow window_;
  Index channels_;
  Index in_rows_;
  Index in_columns_;
  ThreadScratch<T> copy_;
  std::vector<Run> runs_;
};

CNNRNN_KERNELS_END
