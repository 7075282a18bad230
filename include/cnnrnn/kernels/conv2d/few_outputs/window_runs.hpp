#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/direct/window.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// What a window reads, as runs of consecutive elements: each row of the kernel is one, or each tap
/// if the kernel is dilated. Weights and their gradients have zeros behind each run, up to whole
/// packets.
struct WindowRuns {
  Index count;
  Index length;

  explicit WindowRuns(const ConvWindow& window) {
    const bool dense = window.dilation.w == 1;
    count = window.kernel.h * (dense ? 1 : window.kernel.w);
    length = (dense ? window.kernel.w : 1) * window.c;
  }

  template <class T>
  Index padded_length() const {
    return round_up(length, Packet<T>::width);
  }
  template <class T>
  Index padded_size() const {
    return count * padded_length<T>();
  }

  /// to (padded_size) = window (taps, C)
  template <class T>
  void pad(const T* window, T* to) const {
    for (Index run = 0; run < count; ++run, window += length, to += padded_length<T>()) {
      std::copy_n(window, length, to);
      std::fill_n(to + length, padded_length<T>() - length, T(0));
    }
  }

  /// window (taps, C) = from (padded_size)
  template <class T>
  void unpad(const T* from, T* window) const {
    for (Index run = 0; run < count; ++run, window += length, from += padded_length<T>()) {
      std::copy_n(from, length, window);
    }
  }
};

}  // namespace detail

CNNRNN_KERNELS_END
