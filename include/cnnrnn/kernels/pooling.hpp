#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>

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
  constexpr Index block = 1 << 14;
  return std::max<Index>(1, block / std::max<Index>(1, elements));
}

/// Calls body(c, count) for consecutive chunks of channels. The count is a constant but for the
/// last chunk, so that loops over it become a few vector instructions.
inline constexpr Index pool_chunk = 32;
template <class Body>
void for_channel_chunks(Index channels, const Body& body) {
  constexpr std::integral_constant<Index, pool_chunk> whole;
  Index c = 0;
  for (; c + whole <= channels; c += whole) {
    body(c, whole);
  }
  if (c < channels) {
    body(c, channels - c);
  }
}

/// Calls body(p, q, row, column, window position) for all pixels (row, column) of one row of an
/// image and all windows (p, q) that hold them.
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

/// The largest of one window in `count` channels from c on, and its place in the window. NaN is the
/// largest of all; of equals the first counts.
template <class T, class Position, class Count>
void max_of_window(const Pool2dDims& d, const T* image, const PoolExtent& rows,
                   const PoolExtent& columns, Index c, Count count, T* y, Position* position) {
  using Wide = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;  // T's vector width
  constexpr auto chunk = static_cast<std::size_t>(pool_chunk);
  std::array<T, chunk> best;
  std::array<Wide, chunk> where;
  best.fill(-std::numeric_limits<T>::infinity());
  where.fill(
      static_cast<Wide>((rows.begin - rows.first) * d.kernel.w + columns.begin - columns.first));
  for (Index row = rows.begin; row < rows.end; ++row) {
    for (Index column = columns.begin; column < columns.end; ++column) {
      const T* const x = image + (row * d.w + column) * d.c + c;
      const auto here = static_cast<Wide>((row - rows.first) * d.kernel.w + column - columns.first);
      for (Index i = 0; i < count; ++i) {
        const auto lane = static_cast<std::size_t>(i);
        const bool better = (x[i] > best[lane]) | (x[i] != x[i]);
        best[lane] = better ? x[i] : best[lane];
        where[lane] = better ? here : where[lane];
      }
    }
  }
  std::copy_n(best.data(), static_cast<Index>(count), y);
  for (Index i = 0; position != nullptr && i < count; ++i) {
    position[i] = static_cast<Position>(where[static_cast<std::size_t>(i)]);
  }
}

/// y = the largest of each window; position (N, OH, OW, C) = its place in the window, counted by
/// rows of the kernel, for backward. The positions may be null.
template <class T, class Position>
void max_pool2d_forward(const Pool2dDims& d, const T* x, T* y, Position* position) {
  parallel_for(d.n * d.oh, pool_block(d.ow * d.c), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const T* const image = x + line / d.oh * d.h * d.w * d.c;
      const PoolExtent rows = pool_rows(d, line % d.oh);
      for (Index q = 0; q < d.ow; ++q) {
        const Index pixel = (line * d.ow + q) * d.c;
        const PoolExtent columns = pool_columns(d, q);
        for_channel_chunks(d.c, [&](Index c, auto count) {
          max_of_window(d, image, rows, columns, c, count, y + pixel + c,
                        position == nullptr ? nullptr : position + pixel + c);
        });
      }
    }
  });
}

/// dx = the sum of dy over the windows in which x was the largest
template <class T, class Position>
void max_pool2d_backward(const Pool2dDims& d, const Position* position, const T* dy,
                         GradientSpan<T> dx) {
  for_gradient_rows(d, dx, [&](Index image, Index row, T* to) {
    for_windows_over_row(d, row, [&](Index p, Index q, Index column, Index here) {
      const Index pixel = ((image * d.oh + p) * d.ow + q) * d.c;
      const auto at = static_cast<Position>(here);
      for_channel_chunks(d.c, [&](Index c, auto count) {
        const Position* const chosen = position + pixel + c;
        const T* const from = dy + pixel + c;
        T* const target = to + column * d.c + c;
        for (Index i = 0; i < count; ++i) {
          target[i] += chosen[i] == at ? from[i] : T(0);
        }
      });
    });
  });
}

/// What a window's sum is divided by: its pixels, those of the padding among them if `padded`.
inline Index average_pool_count(const Pool2dDims& d, Index p, Index q, bool padded) {
  const PoolExtent rows = pool_rows(d, p);
  const PoolExtent columns = pool_columns(d, q);
  if (!padded) {
    return (rows.end - rows.begin) * (columns.end - columns.begin);
  }
  // A window that ceil mode lets hang over the padding counts only as far as the padding goes.
  const Index bottom = std::min(rows.first + d.kernel.h, d.h + d.padding.h);
  const Index right = std::min(columns.first + d.kernel.w, d.w + d.padding.w);
  return (bottom - rows.first) * (right - columns.first);
}

/// y = the mean of each window
template <class T>
void avg_pool2d_forward(const Pool2dDims& d, bool count_padding, const T* x, T* y) {
  parallel_for(d.n * d.oh, pool_block(d.ow * d.c), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const T* const image = x + line / d.oh * d.h * d.w * d.c;
      const PoolExtent rows = pool_rows(d, line % d.oh);
      for (Index q = 0; q < d.ow; ++q) {
        const PoolExtent columns = pool_columns(d, q);
        const auto count = static_cast<T>(average_pool_count(d, line % d.oh, q, count_padding));
        T* const to = y + (line * d.ow + q) * d.c;
        std::fill_n(to, d.c, T(0));
        for (Index row = rows.begin; row < rows.end; ++row) {
          for (Index column = columns.begin; column < columns.end; ++column) {
            const T* const from = image + (row * d.w + column) * d.c;
            std::transform(to, to + d.c, from, to, std::plus<T>());
          }
        }
        std::transform(to, to + d.c, to, [&](T sum) { return sum / count; });
      }
    }
  });
}

/// dx = the sum of dy / count over the windows that hold x
template <class T>
void avg_pool2d_backward(const Pool2dDims& d, bool count_padding, const T* dy, GradientSpan<T> dx) {
  for_gradient_rows(d, dx, [&](Index image, Index row, T* to) {
    for_windows_over_row(d, row, [&](Index p, Index q, Index column, Index /*position*/) {
      const T share = T(1) / static_cast<T>(average_pool_count(d, p, q, count_padding));
      const T* const from = dy + ((image * d.oh + p) * d.ow + q) * d.c;
      T* const target = to + column * d.c;
      for (Index c = 0; c < d.c; ++c) {
        target[c] += from[c] * share;
      }
    });
  });
}

CNNRNN_KERNELS_END
