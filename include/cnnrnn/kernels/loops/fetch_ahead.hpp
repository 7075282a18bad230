#pragma once

#include "cnnrnn/core/extensions.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_KERNELS_BEGIN

/// Asks for the line of an element, in the second cache unless told.
template <bool Writes = false, int Cache = 2, class T>
[[gnu::always_inline]] inline void fetch_line(const T* element) {
  CNNRNN_PREFETCH(element, Writes ? 1 : 0, 4 - Cache);
  // GCC takes a function that only prefetches for one without effects, and drops its calls.
  CNNRNN_EFFECT();
}

/// Asks for `count` elements, in the second cache unless told, before they are read, or written:
/// for those that lie where the machine does not see that they come next.
template <bool Writes = false, int Cache = 2, class T>
void fetch_ahead(Index count, const T* from) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  for (Index at = 0; at < count; at += line) {
    fetch_line<Writes, Cache>(from + at);
  }
}

CNNRNN_KERNELS_END
