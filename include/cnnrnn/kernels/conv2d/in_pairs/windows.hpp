#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/in_pairs/jobs.hpp"
#include "cnnrnn/kernels/gemm/pairs.hpp"

CNNRNN_KERNELS_BEGIN
namespace detail {

/// What the outputs of a job read of one group of the source (n, h, w, c): where each begins to
/// read, and the runs of elements from there on. It is read in place unless windows reach past the
/// border; then a copy has the zeros around it. Groups have an even number of channels.
class PairWindows {
 public:
  PairWindows(const PairJobs::Job& job, Index groups)
      : window_(job.window),
        images_(job.images),
        channels_(window_.c / groups),
        rows_((window_.out_h - 1) * window_.stride.h + (window_.kernel.h - 1) * window_.dilation.h +
              1),
        columns_((window_.out_w - 1) * window_.stride.w +
                 (window_.kernel.w - 1) * window_.dilation.w + 1),
        in_place_(inside(rows_, window_.padding.h, window_.h) &&
                  inside(columns_, window_.padding.w, window_.w)),
        copy_(in_place_ ? 0 : images_ * rows_ * columns_ * channels_),
        pointers_(job.pixels() + Tile<float>::rows) {
    const Index pixel = in_place_ ? window_.c : channels_;
    const Index line = pixel * (in_place_ ? window_.w : columns_);
    const bool dense = window_.dilation.w == 1 && pixel == channels_;
    for (Index i = 0; i < window_.kernel.h; ++i) {
      for (Index j = 0; j < (dense ? 1 : window_.kernel.w); ++j) {
        runs_.push_back({i * window_.dilation.h * line + j * window_.dilation.w * pixel,
                         (dense ? window_.kernel.w : 1) * channels_});
      }
    }
  }

  /// Looks at group `group` of the images from `from` on.
  void look_at(const bfloat16* from, Index group) {
    if (in_place_) {
      const Index first = -window_.padding.h * window_.w - window_.padding.w;
      point(from + first * window_.c + group * channels_, window_.h * window_.w * window_.c,
            window_.w * window_.c, window_.c);
      return;
    }
    for (Index image = 0; image < images_; ++image) {
      copy(from + image * window_.h * window_.w * window_.c + group * channels_,
           copy_.data() + image * rows_ * columns_ * channels_);
    }
    point(copy_.data(), rows_ * columns_ * channels_, columns_ * channels_, channels_);
  }

  /// Where the outputs begin to read, as multiply_pairs takes it.
  const bfloat16* const* rows() const { return pointers_.data(); }
  std::span<const Run> runs() const { return runs_; }

 private:
  static bool inside(Index reach, Index padding, Index size) {
    return padding <= 0 && reach - padding <= size;
  }

  void point(const bfloat16* from, Index image_step, Index line_step, Index pixel_step) {
    const bfloat16** to = pointers_.data();
    for (Index image = 0; image < images_; ++image) {
      for (Index row = 0; row < window_.out_h; ++row) {
        const bfloat16* at = from + image * image_step + row * window_.stride.h * line_step;
        for (Index column = 0; column < window_.out_w; ++column) {
          *to++ = at;
          at += window_.stride.w * pixel_step;
        }
      }
    }
    std::fill_n(to, Tile<float>::rows, to[-1]);
  }

  void copy(const bfloat16* image, bfloat16* to) const {
    for (Index row = 0; row < rows_; ++row, to += columns_ * channels_) {
      const Index place = row - window_.padding.h;
      if (place >= 0 && place < window_.h) {
        copy_line(image + place * window_.w * window_.c, to);
      } else {
        std::fill_n(to, columns_ * channels_, bfloat16(0.0F));
      }
    }
  }

  void copy_line(const bfloat16* line, bfloat16* to) const {
    const Index first = std::clamp<Index>(window_.padding.w, 0, columns_);
    const Index last = std::clamp<Index>(window_.padding.w + window_.w, first, columns_);
    const bfloat16* const from = line + (first - window_.padding.w) * window_.c;
    std::fill_n(to, first * channels_, bfloat16(0.0F));
    if (channels_ == window_.c) {
      std::copy_n(from, (last - first) * channels_, to + first * channels_);
    } else {
      for (Index pixel = first; pixel < last; ++pixel) {
        std::copy_n(from + (pixel - first) * window_.c, channels_, to + pixel * channels_);
      }
    }
    std::fill_n(to + last * channels_, (columns_ - last) * channels_, bfloat16(0.0F));
  }

  ConvWindow window_;
  Index images_;
  Index channels_;
  Index rows_, columns_;  ///< of the part of an image that is read, with the zeros around it
  bool in_place_;
  ThreadScratch<bfloat16> copy_;
  ThreadScratch<const bfloat16*> pointers_;
  std::vector<Run> runs_;
};

}  // namespace detail
CNNRNN_KERNELS_END
