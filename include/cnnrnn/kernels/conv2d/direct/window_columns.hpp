#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "cnnrnn/core/bfloat16_pairs.hpp"
#include "cnnrnn/kernels/conv2d/direct/window.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// What the output pixels of a group read of x (N, H, W, C), seen as a matrix (N OH OW, K) with
/// K = KH KW C / groups, of which panels are copied as products want them.
template <class T>
class WindowColumns {
 public:
  WindowColumns(const ConvWindow& window, Index groups) : window_(window) {
    const Index channels = window.c / groups;
    const bool adjacent = window.dilation.w == 1 && groups == 1;
    const Index steps = adjacent ? 1 : window.kernel.w;
    for (Index i = 0; i < window.kernel.h; ++i) {
      for (Index j = 0; j < steps; ++j) {
        const Index column = j * window.dilation.w - window.padding.w;
        stretches_.push_back({i * window.dilation.h - window.padding.h, column * window.c,
                              window.kernel.w / steps * channels});
      }
    }
  }

  /// Copies columns n0 ... n0 + count - 1 of `pixels` rows from `first` on to rows of `stride`
  /// elements. `x` is where the first channel of the group lies.
  void copy(const T* x, Index first, Index pixels, Index n0, Index count, T* to,
            Index stride) const {
    Index begin = 0;
    for (const Stretch& all : stretches_) {
      const Index from = std::max(n0, begin);
      const Index end = std::min(n0 + count, begin + all.length);
      if (from < end) {
        copy_stretch(x, {all.row, all.column + from - begin, end - from}, first, pixels,
                     to + from - n0, stride);
      }
      begin += all.length;
    }
  }

 private:
  /// Elements that lie side by side for every pixel: relative to the place in x at which its window
  /// would begin without padding, so many rows below and elements further on.
  struct Stretch {
    Index row;
    Index column;
    Index length;
  };

  /// The pixels of one line of y after another.
  void copy_stretch(const T* x, const Stretch& stretch, Index first, Index pixels, T* to,
                    Index stride) const {
    const Index end = first + pixels;
    for (Index pixel = first; pixel < end;) {
      const Index q = pixel % window_.out_w;
      const Index count = std::min(window_.out_w - q, end - pixel);
      const Index line = pixel / window_.out_w;
      const Index row = line % window_.out_h * window_.stride.h + stretch.row;
      if (row >= 0 && row < window_.h) {
        const T* const from = x + (line / window_.out_h * window_.h + row) * window_.w * window_.c;
        copy_line(from, stretch, q, count, to, stride);
      } else {
        fill(count, stretch.length, to, stride);
      }
      pixel += count;
      to += count * stride;
    }
  }

  /// Pixels q ... q + count - 1 of a line, which read from one line of x: those that reach past its
  /// ends, and those between.
  void copy_line(const T* x, const Stretch& stretch, Index q, Index count, T* to,
                 Index stride) const {
    const Index step = window_.stride.w * window_.c;
    const Index width = window_.w * window_.c;
    const Index last = width - stretch.column - stretch.length;  // where a pixel may begin at most
    const Index begin = std::clamp<Index>((step - 1 - stretch.column) / step - q, 0, count);
    const Index end = last < 0 ? begin : std::clamp<Index>(last / step + 1 - q, begin, count);
    const auto clip = [&](Index p) {
      const Index at = (q + p) * step + stretch.column;
      const Index from = std::clamp<Index>(-at, 0, stretch.length);
      const Index until = std::clamp<Index>(width - at, from, stretch.length);
      T* const row = to + p * stride;
      std::fill_n(row, from, T(0));
      std::copy(x + at + from, x + at + until, row + from);
      std::fill(row + until, row + stretch.length, T(0));
    };
    for (Index p = 0; p < begin; ++p) {
      clip(p);
    }
    copy_rows(end - begin, stretch.length, x + (q + begin) * step + stretch.column, step,
              to + begin * stride, stride);
    for (Index p = end; p < count; ++p) {
      clip(p);
    }
  }

  static void copy_rows(Index rows, Index length, const T* from, Index step, T* to, Index stride) {
    using Lane = std::conditional_t<is_bfloat16<T>, Bfloat16Pairs, Packet<T>>;
    constexpr Index count = static_cast<Index>(sizeof(Lane) / sizeof(T));
    for (Index at = 0; at < length; at += count) {
      const Index part = length - at;
      for (Index row = 0; row < rows; ++row) {
        const T* const place = from + row * step + at;
        if (part >= count) {
          Lane::load(place).store(to + row * stride + at);
        } else {
          Lane::load_partial(place, part).store_partial(to + row * stride + at, part);
        }
      }
    }
  }
  static void fill(Index rows, Index length, T* to, Index stride) {
    for (Index row = 0; row < rows; ++row) {
      std::fill_n(to + row * stride, length, T(0));
    }
  }

  ConvWindow window_;
  std::vector<Stretch> stretches_;
};

}  // namespace detail

CNNRNN_KERNELS_END
