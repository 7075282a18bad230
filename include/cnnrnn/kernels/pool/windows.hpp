#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// Pooling over windows of an image.
//
//   N, H, W, C    images, rows, columns, channels of x
//   OH, OW        rows and columns of y (N, OH, OW, C)
//   p, q          row and column of y; its window covers rows p stride - padding ... + kernel of x,
//                 or rows floor(p H / OH) ... ceil((p + 1) H / OH) where the windows adapt
//
// Kernels take either kind of windows. Backward passes gather: every pixel of dx belongs to one
// thread, which adds up what the windows that hold it give. Pixels never wait for each other, and
// the order of the additions is fixed.

CNNRNN_KERNELS_BEGIN

/// Windows of one size, side by side at a stride.
struct Pool2dDims {
  Index n, h, w, c;
  Index oh, ow;
  Size2d kernel, stride, padding;
};

/// As many windows as there are outputs, together the whole image: of two sizes, and overlapping
/// by a pixel, where the outputs do not divide the image.
struct AdaptivePool2dDims {
  Index n, h, w, c;
  Index oh, ow;
  Size2d kernel;  // no window is larger
};

/// The part of a window along one axis: it starts at `first`, and begin ... end of it are inside.
struct PoolExtent {
  Index first, begin, end;
};

/// begin ... end of pixels or of windows along one axis.
struct PoolRange {
  Index begin, end;
};

namespace detail {

inline PoolExtent strided_window(Index output, Index kernel, Index stride, Index padding,
                                 Index size) {
  const Index first = output * stride - padding;
  return {first, std::max<Index>(0, first), std::min(size, first + kernel)};
}

/// The windows that hold a pixel.
inline PoolRange strided_windows(Index pixel, Index kernel, Index stride, Index padding,
                                 Index outputs) {
  const Index reach = pixel + padding - kernel;
  const Index begin = reach < 0 ? 0 : reach / stride + 1;
  return {begin, std::min(outputs, (pixel + padding) / stride + 1)};
}

/// The pixels of a window, and as well, sizes exchanged, the windows that hold a pixel.
inline PoolRange adaptive_window(Index output, Index size, Index outputs) {
  return {output * size / outputs, ((output + 1) * size + outputs - 1) / outputs};
}

inline PoolExtent adaptive_extent(Index output, Index size, Index outputs) {
  const auto [begin, end] = adaptive_window(output, size, outputs);
  return {begin, begin, end};
}

}  // namespace detail

inline PoolExtent pool_rows(const Pool2dDims& d, Index p) {
  return detail::strided_window(p, d.kernel.h, d.stride.h, d.padding.h, d.h);
}
inline PoolExtent pool_columns(const Pool2dDims& d, Index q) {
  return detail::strided_window(q, d.kernel.w, d.stride.w, d.padding.w, d.w);
}
inline PoolRange windows_over_row(const Pool2dDims& d, Index row) {
  return detail::strided_windows(row, d.kernel.h, d.stride.h, d.padding.h, d.oh);
}
inline PoolRange windows_over_column(const Pool2dDims& d, Index column) {
  return detail::strided_windows(column, d.kernel.w, d.stride.w, d.padding.w, d.ow);
}

inline PoolExtent pool_rows(const AdaptivePool2dDims& d, Index p) {
  return detail::adaptive_extent(p, d.h, d.oh);
}
inline PoolExtent pool_columns(const AdaptivePool2dDims& d, Index q) {
  return detail::adaptive_extent(q, d.w, d.ow);
}
inline PoolRange windows_over_row(const AdaptivePool2dDims& d, Index row) {
  return detail::adaptive_window(row, d.oh, d.h);
}
inline PoolRange windows_over_column(const AdaptivePool2dDims& d, Index column) {
  return detail::adaptive_window(column, d.ow, d.w);
}

/// Rows a block of a parallel loop takes, for rows of `elements` elements.
inline Index pool_block(Index elements) {
  constexpr Index block = 1 << 12;  // two threads share a map of 8 x 8 x 128
  return std::max<Index>(1, block / std::max<Index>(1, elements));
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

/// How many blocks of rows of windows for_all_windows takes.
template <class Dims>
Index pool_blocks(const Dims& d) {
  const Index block = pool_block(d.ow * d.c);
  return (d.n * d.oh + block - 1) / block;
}

/// What is done with a block of windows that is finished: nothing.
struct NothingMore {
  template <class... Block>
  void operator()(const Block&... /*block*/) const {}
};

/// Calls body(image, rows, columns, pixel) for all windows, on all threads: x of the image, and the
/// pixel of y (N, OH, OW) that the window makes; and finish(block, begin, end) after each block of
/// pixels, while they are in the cache.
template <class Dims, class T, class Body, class Finish = NothingMore>
void for_all_windows(const Dims& d, const T* x, const Body& body, const Finish& finish = {}) {
  const Index block = pool_block(d.ow * d.c);
  parallel_for(d.n * d.oh, block, [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const T* const image = x + line / d.oh * d.h * d.w * d.c;
      const PoolExtent rows = pool_rows(d, line % d.oh);
      for (Index q = 0; q < d.ow; ++q) {
        body(image, rows, pool_columns(d, q), line * d.ow + q);
      }
    }
    finish(begin / block, begin * d.ow, end * d.ow);
  });
}

/// What a pixel gets from a window that holds it.
struct PoolShare {
  Index pixel;     ///< of dy (N, OH, OW), which the window made
  Index window;    ///< of all windows (OH, OW) of an image
  Index position;  ///< of x's pixel in the window, counted by rows of the kernel
};

namespace detail {

/// Where windows begin, and which of them are over each column: the same in all images.
struct WindowTable {
  template <class Dims>
  explicit WindowTable(const Dims& d) {
    for (Index column = 0; column < d.w; ++column) {
      over_column.push_back(windows_over_column(d, column));
    }
    for (Index q = 0; q < d.ow; ++q) {
      first_column.push_back(pool_columns(d, q).first);
    }
    for (Index p = 0; p < d.oh; ++p) {
      first_row.push_back(pool_rows(d, p).first);
    }
  }

  std::vector<PoolRange> over_column;
  std::vector<Index> first_column, first_row;
};

/// A row of an image and the windows over it.
struct PooledRow {
  Index image, row;
  PoolRange windows;
};

/// Calls body(share) for all windows that hold a pixel.
template <class Dims, class Body>
void for_shares(const Dims& d, const WindowTable& table, const PooledRow& at, Index column,
                const Body& body) {
  const PoolRange qs = table.over_column[static_cast<std::size_t>(column)];
  for (Index p = at.windows.begin; p < at.windows.end; ++p) {
    const Index first_row = table.first_row[static_cast<std::size_t>(p)];
    const Index row_position = (at.row - first_row) * d.kernel.w + column;
    for (Index q = qs.begin; q < qs.end; ++q) {
      const Index window = p * d.ow + q;
      body(PoolShare{at.image * d.oh * d.ow + window, window,
                     row_position - table.first_column[static_cast<std::size_t>(q)]});
    }
  }
}

}  // namespace detail

/// dx = for each pixel the sum over the windows that hold it: add(lanes, share, sum) gives the sum
/// with the share of a window.
template <class Dims, class T, class Add>
void gather_from_windows(const Dims& d, const GradientSpan<T>& dx, const Add& add) {
  if (!dx.needed()) {
    return;
  }
  using P = Packet<Accumulator<T>>;
  const detail::WindowTable table(d);
  const auto gather_pixel = [&](const detail::PooledRow& at, Index column, T* to) {
    for_each_lanes_side_by_side<T>(d.c, [&, to, column](auto packets, const auto& lanes) {
      std::array<P, packets> sums;
      unroll<Index{packets}>(
          [&](auto v) { sums[v] = dx.accumulate ? lanes.beside(v).load(to) : P::zero(); });
      detail::for_shares(d, table, at, column, [&](const PoolShare& share) {
        unroll<Index{packets}>([&](auto v) { sums[v] = add(lanes.beside(v), share, sums[v]); });
      });
      unroll<Index{packets}>([&](auto v) { lanes.beside(v).store(to, sums[v]); });
    });
  };
  parallel_for(d.n * d.h, pool_block(d.w * d.c), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const detail::PooledRow at{line / d.h, line % d.h, windows_over_row(d, line % d.h)};
      for (Index column = 0; column < d.w; ++column) {
        gather_pixel(at, column, dx.data() + (line * d.w + column) * d.c);
      }
    }
  });
}

CNNRNN_KERNELS_END
