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

/// What a band is to be made of.
enum class BandSource {
  any,        ///< the image itself, where no tile meets a border, or what `copy` is
  all_lines,  ///< a copy, no line left out, of just the columns that are read
  copy        ///< a copy, behind which a register tile may read on
};

/// The part of one image and one channel group that the window of a band reads, copied once with
/// its zeros: no tile ever meets a border. Where a dilated kernel skips more lines than it reads,
/// only those that it reads are there, for one row of the kernel after the other.
template <class T>
class ConvBand {
 public:
  explicit ConvBand(const ConvWindow& window, Index channels, BandSource source = BandSource::any)
      : window_(window),
        channels_(channels),
        in_place_(source == BandSource::any && channels == window.c && window.stays_inside()),
        block_((window.out_h - 1) * window.stride.h + 1),
        kernel_step_(in_place_ || source == BandSource::all_lines
                         ? window.dilation.h
                         : std::min(window.dilation.h, block_)),
        in_rows_(block_ + (window.kernel.h - 1) * kernel_step_),
        in_columns_((window.out_w - 1) * window.stride.w +
                    (window.kernel.w - 1) * window.dilation.w + 1),
        line_((in_place_ ? window.w : in_columns_) * channels),
        copy_(in_place_ ? 0 : in_rows_ * line_ + Tile<T>::rows),
        data_(copy_.data()) {
    if (!in_place_) {
      // A transposed tile reads MR elements at a time, past the last channel of the last pixel.
      std::fill_n(copy_.data() + in_rows_ * line_, Tile<T>::rows, T(0));
    }
    const bool dense = window.dilation.w == 1;
    for (Index i = 0; i < window.kernel.h; ++i) {
      for (Index j = 0; j < (dense ? 1 : window.kernel.w); ++j) {
        const Index tap = (window.first_tap.h + i) * window.whole.w + window.first_tap.w + j;
        runs_.push_back({i * kernel_step_ * line_ + j * window.dilation.w * channels,
                         (dense ? window.kernel.w : 1) * channels, tap * channels});
      }
    }
  }

  /// Takes the channels of group `group` of an image (h, w, c).
  void fill(const T* image, Index group) {
    if (in_place_) {
      data_ = image - window_.padding.h * line_ - window_.padding.w * channels_;
      return;
    }
    T* to = copy_.data();
    for (Index row = 0; row < in_rows_; ++row, to += line_) {
      const Index place = line_of(row) - window_.padding.h;
      if (place >= 0 && place < window_.h) {
        fill_row(image + place * window_.w * window_.c + group * channels_, to);
      } else {
        std::fill_n(to, line_, T(0));
      }
    }
  }

  Index rows() const { return window_.out_h; }
  Index columns() const { return window_.out_w; }
  Index lines() const { return in_rows_; }
  Index pixels() const { return window_.out_h * window_.out_w; }
  Index depth() const { return window_.whole.area() * channels_; }

  /// What an output pixel sums over, relative to pixel(): a run for each row of the kernel, or for
  /// each tap if the kernel is dilated.
  std::span<const Run> runs() const { return runs_; }
  const T* pixel(Index p) const {
    return data_ + p / window_.out_w * row_step() + p % window_.out_w * pixel_step();
  }
  /// Pixels p, p + 1, ... for the rows of a register tile; the last one for those past the end.
  template <std::size_t Rows>
  void pixels_from(Index p, const T* (&pixels)[Rows]) const {
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
  Index row_step() const { return window_.stride.h * line_; }
  Index pixel_step() const { return window_.stride.w * channels_; }

 private:
  /// The line of the source, with zeros around it, that is line `row` here.
  Index line_of(Index row) const {
    return kernel_step_ < window_.dilation.h ? row / block_ * window_.dilation.h + row % block_
                                             : row;
  }

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
  bool in_place_;
  Index block_;        ///< lines of one row of the kernel
  Index kernel_step_;  ///< lines between two rows of the kernel
  Index in_rows_;
  Index in_columns_;
  Index line_;  ///< elements of a line
  ThreadScratch<T> copy_;
  const T* data_;
  std::vector<Run> runs_;
};

CNNRNN_KERNELS_END
