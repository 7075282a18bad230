#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/size2d.hpp"

// Pooling over windows of an image.
//
//   N, H, W, C    images, rows, columns, channels of x
//   OH, OW        rows and columns of y (N, OH, OW, C)
//   p, q          row and column of y; its window covers rows p stride - padding ... + kernel of x
//
// Backward passes gather: every row of dx belongs to one thread, which visits the windows that
// cover it. Rows never wait for each other, and the order of the additions is fixed.

CNNRNN_KERNELS_BEGIN

struct Pool2dDims {
  Index n, h, w, c;
  Index oh, ow;
  Size2d kernel, stride, padding;
};

/// The part of a window along one axis: it starts at `first`, and begin ... end of it are inside.
struct PoolExtent {
  Index first, begin, end;

  PoolExtent(Index output, Index kernel, Index stride, Index padding, Index size)
      : first(output * stride - padding),
        begin(std::max<Index>(0, first)),
        end(std::min(size, first + kernel)) {}
};

inline PoolExtent pool_rows(const Pool2dDims& d, Index p) {
  return {p, d.kernel.h, d.stride.h, d.padding.h, d.h};
}
inline PoolExtent pool_columns(const Pool2dDims& d, Index q) {
  return {q, d.kernel.w, d.stride.w, d.padding.w, d.w};
}

/// Rows a block of a parallel loop takes, for rows of `elements` elements.
inline Index pool_block(Index elements) {
  constexpr Index block = 1 << 12;  // two threads share a map of 8 x 8 x 128
  return std::max<Index>(1, block / std::max<Index>(1, elements));
}

/// Calls body(p, q, column, position) for all pixels of one row of an image and all windows (p, q)
/// that hold them: the pixel's column and its place in the window.
template <class Body>
void for_windows_over_row(const Pool2dDims& d, Index row, const Body& body) {
  const Index reach = row + d.padding.h - d.kernel.h;
  const Index p_begin = reach < 0 ? 0 : reach / d.stride.h + 1;
  const Index p_end = std::min(d.oh, (row + d.padding.h) / d.stride.h + 1);
  for (Index p = p_begin; p < p_end; ++p) {
    const Index first_position = (row - pool_rows(d, p).first) * d.kernel.w;
    for (Index q = 0; q < d.ow; ++q) {
      const PoolExtent columns = pool_columns(d, q);
      for (Index column = columns.begin; column < columns.end; ++column) {
        body(p, q, column, first_position + column - columns.first);
      }
    }
  }
}

/// Calls body(image, row, to) for all rows of dx on all threads; `to` (W, C) holds zeros or what is
/// to be added to.
template <class T, class Body>
void for_gradient_rows(const Pool2dDims& d, const GradientSpan<T>& dx, const Body& body) {
  if (!dx.needed()) {
    return;
  }
  const Index size = d.w * d.c;
  parallel_for(d.n * d.h, pool_block(size), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      T* const to = dx.data() + line * size;
      if (!dx.accumulate) {
        std::fill_n(to, size, T(0));
      }
      body(line / d.h, line % d.h, to);
    }
  });
}

/// Calls body(row, column) for the pixels of a window that are inside the image.
template <class Body>
void for_window(const PoolExtent& rows, const PoolExtent& columns, const Body& body) {
  for (Index row = rows.begin; row < rows.end; ++row) {
    for (Index column = columns.begin; column < columns.end; ++column) {
      body(row, column);
    }
  }
}

/// Calls body(image, rows, columns, pixel) for all windows, on all threads: x of the image, and the
/// pixel of y (N, OH, OW) that the window makes.
template <class T, class Body>
void for_all_windows(const Pool2dDims& d, const T* x, const Body& body) {
  parallel_for(d.n * d.oh, pool_block(d.ow * d.c), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const T* const image = x + line / d.oh * d.h * d.w * d.c;
      for (Index q = 0; q < d.ow; ++q) {
        body(image, pool_rows(d, line % d.oh), pool_columns(d, q), line * d.ow + q);
      }
    }
  });
}

CNNRNN_KERNELS_END
