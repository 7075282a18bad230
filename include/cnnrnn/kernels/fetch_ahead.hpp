#pragma once

#include "cnnrnn/core/shape.hpp"

CNNRNN_KERNELS_BEGIN

/// Asks for `count` elements in the second cache before they are read, or written: for those that
/// lie where the machine does not see that they come next.
template <bool Writes = false, class T>
void fetch_ahead(Index count, const T* from) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  for (Index at = 0; at < count; at += line) {
    __builtin_prefetch(from + at, Writes ? 1 : 0, 2);
  }
}

CNNRNN_KERNELS_END
