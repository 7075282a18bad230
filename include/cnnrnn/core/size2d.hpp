#pragma once

#include <ostream>

#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// A height and a width: of a kernel, a stride, a padding, an image. One number means both.
struct Size2d {
  Index h = 0;  ///< height
  Index w = 0;  ///< width

  constexpr Size2d() = default;

  /// The same in both directions.
  constexpr Size2d(Index both) : h(both), w(both) {}  // NOLINT: `.kernel = 3` is the point of it

  /// A height and a width.
  constexpr Size2d(Index height, Index width) : h(height), w(width) {}

  /// Height times width.
  constexpr Index area() const { return h * w; }

  friend constexpr bool operator==(const Size2d&, const Size2d&) = default;

  friend std::ostream& operator<<(std::ostream& out, const Size2d& size) {
    return out << size.h << 'x' << size.w;
  }
};

CNNRNN_NAMESPACE_END
