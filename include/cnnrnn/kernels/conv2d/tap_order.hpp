#pragma once

#include <algorithm>

#include "cnnrnn/kernels/gemm/pack.hpp"

// The weights of one output lie (C, taps) where a user sees them. Kernels that read the channels of
// a pixel side by side want (taps, C).

CNNRNN_KERNELS_BEGIN

namespace detail {

/// to (taps, channels) = scale times from (channels, taps).
template <class T>
void taps_first(Index channels, Index taps, const T* from, T scale, T* to) {
  const auto factor = Packet<T>::set(scale);
  for (Index c = 0; c < channels; c += Packet<T>::width) {
    const Index count = std::min(Packet<T>::width, channels - c);
    for_each_transposed_row(taps, count, from + c * taps, taps, [=](Index tap, Packet<T> row) {
      (row * factor).store_partial(to + tap * channels + c, count);
    });
  }
}

/// to (channels, taps) = from (taps, channels), or adds it.
template <class T>
void channels_first(Index channels, Index taps, const T* from, T* to, bool accumulate) {
  for (Index tap = 0; tap < taps; tap += Packet<T>::width) {
    const Index count = std::min(Packet<T>::width, taps - tap);
    for_each_transposed_row(
        channels, count, from + tap * channels, channels, [=](Index c, Packet<T> row) {
          T* const at = to + c * taps + tap;
          (accumulate ? row + Packet<T>::load_partial(at, count) : row).store_partial(at, count);
        });
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
