#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

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

/// Small integers beside the elements of a row, as numbers of T.
template <class T, class Lanes, class Place>
Packet<T> load_places(const Lanes& lanes, const Place* row) {
  std::array<T, static_cast<std::size_t>(Packet<T>::width)> all{};
  std::transform(row + lanes.at, row + lanes.at + lanes.count, all.begin(),
                 [](Place place) { return static_cast<T>(place); });
  return Packet<T>::load(all.data());
}
template <class T, class Lanes, class Place>
void store_places(const Lanes& lanes, Place* row, Packet<T> places) {
  std::array<T, static_cast<std::size_t>(Packet<T>::width)> all{};
  places.store(all.data());
  for (Index i = 0; i < std::min(lanes.count, Packet<T>::width); ++i) {
    row[lanes.at + i] = static_cast<Place>(all[static_cast<std::size_t>(i)]);
  }
}

/// The larger of two. NaN is larger than all: max keeps the one in its first.
template <class T>
Packet<T> larger(Packet<T> best, Packet<T> value) {
  return select_equal(value, value, max(best, value), value);
}

/// y = the largest of each window. NaN is larger than all.
template <class T>
void max_pool2d_forward(const Pool2dDims& d, const T* x, T* y) {
  using P = Packet<T>;
  for_all_windows(d, x, [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
    for_each_lanes<T>(d.c, [&](const auto& lanes) {
      P best = P::set(-std::numeric_limits<T>::infinity());
      for_window(rows, columns, [&](Index row, Index column) {
        const P value = lanes.load(image + (row * d.w + column) * d.c);
        best = larger(best, value);
      });
      lanes.store(y + pixel * d.c, best);
    });
  });
}

/// The same, and place (N, OH, OW, C) = where in the window it stands, counted by rows of the
/// kernel, for backward. Of equals the first counts.
template <class T, class Place>
void max_pool2d_forward(const Pool2dDims& d, const T* x, T* y, Place* place) {
  using P = Packet<T>;
  for_all_windows(d, x, [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
    const auto place_of = [&](Index row, Index column) {
      return P::set(static_cast<T>((row - rows.first) * d.kernel.w + column - columns.first));
    };
    for_each_lanes<T>(d.c, [&](const auto& lanes) {
      P best = P::set(-std::numeric_limits<T>::infinity());
      P where = place_of(rows.begin, columns.begin);
      for_window(rows, columns, [&](Index row, Index column) {
        const P value = lanes.load(image + (row * d.w + column) * d.c);
        const P here = place_of(row, column);
        where = select_equal(value, value, select_less(best, value, here, where), here);
        best = larger(best, value);
      });
      lanes.store(y + pixel * d.c, best);
      store_places(lanes, place + pixel * d.c, where);
    });
  });
}

namespace detail {

/// Windows side by side: each pixel has one at most, and is stored once.
template <class T, class Place>
void max_pool2d_backward_tiled(const Pool2dDims& d, const Place* place, const T* dy,
                               GradientSpan<T> dx) {
  const Index row = d.w * d.c;
  const Index covered = d.ow * d.kernel.w * d.c;
  parallel_for(d.n * d.oh, pool_block(d.kernel.h * row), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const Index p = line % d.oh;
      T* const rows = dx.data() + (line / d.oh * d.h + p * d.kernel.h) * row;
      const Index count = p + 1 < d.oh ? d.kernel.h : d.h - p * d.kernel.h;
      for (Index i = 0; !dx.accumulate && i < count; ++i) {
        const Index from = i < d.kernel.h ? covered : 0;
        std::fill(rows + i * row + from, rows + (i + 1) * row, T(0));
      }
      for (Index q = 0; q < d.ow; ++q) {
        const Index pixel = (line * d.ow + q) * d.c;
        T* const window = rows + q * d.kernel.w * d.c;
        for_each_lanes<T>(d.c, [=](const auto& lanes) {
          const auto chosen = load_places<T>(lanes, place + pixel);
          const auto gradient = lanes.load(dy + pixel);
          for (Index i = 0; i < d.kernel.area(); ++i) {
            T* const to = window + i / d.kernel.w * row + i % d.kernel.w * d.c;
            const auto here = Packet<T>::set(static_cast<T>(i));
            const auto share = select_equal(chosen, here, gradient, Packet<T>::zero());
            lanes.store(to, dx.accumulate ? lanes.load(to) + share : share);
          }
        });
      }
    }
  });
}

/// Any windows: the pixels gather from those that hold them.
template <class T, class Place>
void max_pool2d_backward_gathered(const Pool2dDims& d, const Place* place, const T* dy,
                                  GradientSpan<T> dx) {
  for_gradient_rows(d, dx, [&](Index image, Index row, T* to) {
    for_windows_over_row(d, row, [&](Index p, Index q, Index column, Index position) {
      const Index pixel = ((image * d.oh + p) * d.ow + q) * d.c;
      const Place* const chosen = place + pixel;
      const T* const from = dy + pixel;
      T* const target = to + column * d.c;
      const auto here = Packet<T>::set(static_cast<T>(position));
      for_each_lanes<T>(d.c, [=](const auto& lanes) {
        const auto zero = Packet<T>::zero();
        const auto share =
            select_equal(load_places<T>(lanes, chosen), here, lanes.load(from), zero);
        lanes.store(target, lanes.load(target) + share);
      });
    });
  });
}

}  // namespace detail

/// dx = the sum of dy over the windows in which x was the largest
template <class T, class Place>
void max_pool2d_backward(const Pool2dDims& d, const Place* place, const T* dy, GradientSpan<T> dx) {
  const bool tiled = d.stride == d.kernel && d.padding == Size2d(0) && d.oh * d.kernel.h <= d.h &&
                     d.ow * d.kernel.w <= d.w;
  if (tiled && dx.needed()) {
    detail::max_pool2d_backward_tiled(d, place, dy, dx);
  } else {
    detail::max_pool2d_backward_gathered(d, place, dy, dx);
  }
}

/// One over what a window's sum is divided by: the number of its pixels, those of the padding
/// among them if `padded`.
template <class T>
T average_pool_scale(const Pool2dDims& d, const PoolExtent& rows, const PoolExtent& columns,
                     bool padded) {
  if (!padded) {
    return T(1) / static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
  }
  // A window that ceil mode lets hang over the padding counts only as far as the padding goes.
  const Index bottom = std::min(rows.first + d.kernel.h, d.h + d.padding.h);
  const Index right = std::min(columns.first + d.kernel.w, d.w + d.padding.w);
  return T(1) / static_cast<T>((bottom - rows.first) * (right - columns.first));
}

/// y = the mean of each window
template <class T>
void avg_pool2d_forward(const Pool2dDims& d, bool padded, const T* x, T* y) {
  using P = Packet<T>;
  for_all_windows(d, x, [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
    const P scale = P::set(average_pool_scale<T>(d, rows, columns, padded));
    for_each_lanes<T>(d.c, [&](const auto& lanes) {
      P sum = P::zero();
      for_window(rows, columns, [&](Index row, Index column) {
        sum = sum + lanes.load(image + (row * d.w + column) * d.c);
      });
      lanes.store(y + pixel * d.c, sum * scale);
    });
  });
}

/// dx = the sum of dy / count over the windows that hold x
template <class T>
void avg_pool2d_backward(const Pool2dDims& d, bool padded, const T* dy, GradientSpan<T> dx) {
  for_gradient_rows(d, dx, [&](Index image, Index row, T* to) {
    for_windows_over_row(d, row, [&](Index p, Index q, Index column, Index /*position*/) {
      const T* const from = dy + ((image * d.oh + p) * d.ow + q) * d.c;
      T* const target = to + column * d.c;
      const auto scale =
          Packet<T>::set(average_pool_scale<T>(d, pool_rows(d, p), pool_columns(d, q), padded));
      for_each_lanes<T>(d.c, [=](const auto& lanes) {
        lanes.store(target, multiply_add(lanes.load(from), scale, lanes.load(target)));
      });
    });
  });
}

CNNRNN_KERNELS_END
