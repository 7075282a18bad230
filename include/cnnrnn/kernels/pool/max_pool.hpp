#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "cnnrnn/kernels/pool/windows.hpp"

CNNRNN_KERNELS_BEGIN

/// Small integers beside the elements of a row, as numbers of T.
template <class T, class Lanes, class Place>
Packet<T> load_places(const Lanes& lanes, const Place* row) {
  constexpr auto width = static_cast<std::size_t>(Packet<T>::width);
  if constexpr (std::is_same_v<Lanes, WholeLanes<T>> && sizeof(Place) == 1) {
    return Packet<T>::load_bytes(row + lanes.at);
  } else {
    std::array<T, width> all{};
    std::transform(row + lanes.at, row + lanes.at + lanes.count, all.begin(),
                   [](Place place) { return static_cast<T>(place); });
    return Packet<T>::load(all.data());
  }
}
template <class T, class Lanes, class Place>
void store_places(const Lanes& lanes, Place* row, Packet<T> places) {
  constexpr auto width = static_cast<std::size_t>(Packet<T>::width);
  if constexpr (std::is_same_v<Lanes, WholeLanes<T>> && sizeof(Place) == 1) {
    places.store_bytes(row + lanes.at);
  } else {
    std::array<T, width> all{};
    places.store(all.data());
    std::transform(all.begin(), all.begin() + std::min(lanes.count, Packet<T>::width),
                   row + lanes.at, [](T place) { return static_cast<Place>(place); });
  }
}

/// The larger of two. NaN is larger than all: max keeps the one in its first.
template <class T>
Packet<T> larger(Packet<T> best, Packet<T> value) {
  return select_equal(value, value, max(best, value), value);
}

/// y = the largest of each window. NaN is larger than all. `finish` is that of for_all_windows.
template <class Dims, class T, class Finish = NothingMore>
void max_pool2d_forward(const Dims& d, const T* x, T* y, const Finish& finish = {}) {
  using A = Accumulator<T>;
  using P = Packet<A>;
  for_all_windows(
      d, x,
      [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
        for_each_lanes_side_by_side<T>(d.c, [&](auto packets, const auto& lanes) {
          std::array<P, packets> best;
          best.fill(P::set(-std::numeric_limits<A>::infinity()));
          for_window(rows, columns, [&](Index row, Index column) {
            const T* const from = image + (row * d.w + column) * d.c;
            unroll<Index{packets}>(
                [&](auto v) { best[v] = larger(best[v], lanes.beside(v).load(from)); });
          });
          T* const to = y + pixel * d.c;
          unroll<Index{packets}>([&](auto v) { lanes.beside(v).store(to, best[v]); });
        });
      },
      finish);
}

/// The same, and place (N, OH, OW, C) = where in the window it stands, counted by rows of the
/// kernel, for backward. Of equals the first counts.
template <class Dims, class T, class Place, class Finish = NothingMore>
void max_pool2d_forward(const Dims& d, const T* x, T* y, Place* place, const Finish& finish = {}) {
  using A = Accumulator<T>;
  using P = Packet<A>;
  for_all_windows(
      d, x,
      [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
        const auto place_of = [&](Index row, Index column) {
          return P::set(static_cast<A>((row - rows.first) * d.kernel.w + column - columns.first));
        };
        for_each_lanes_side_by_side<T>(d.c, [&](auto packets, const auto& lanes) {
          std::array<P, packets> best;
          std::array<P, packets> where;
          best.fill(P::set(-std::numeric_limits<A>::infinity()));
          where.fill(place_of(rows.begin, columns.begin));
          for_window(rows, columns, [&](Index row, Index column) {
            const T* const from = image + (row * d.w + column) * d.c;
            const P here = place_of(row, column);
            unroll<Index{packets}>([&](auto v) {
              const P value = lanes.beside(v).load(from);
              const P place_if_number = select_less(best[v], value, here, where[v]);
              where[v] = select_equal(value, value, place_if_number, here);
              best[v] = larger(best[v], value);
            });
          });
          unroll<Index{packets}>([&](auto v) {
            lanes.beside(v).store(y + pixel * d.c, best[v]);
            store_places(lanes.beside(v), place + pixel * d.c, where[v]);
          });
        });
      },
      finish);
}

namespace detail {

/// Windows side by side: each pixel has one at most, and is stored once.
template <class T, class Place>
void max_pool2d_backward_tiled(const Pool2dDims& d, const Place* place, const T* dy,
                               GradientSpan<T> dx) {
  using A = Accumulator<T>;
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
        for (Index i = 0; i < d.kernel.area(); ++i) {
          T* const to = window + i / d.kernel.w * row + i % d.kernel.w * d.c;
          const auto here = Packet<A>::set(static_cast<A>(i));
          for_each_lanes<T>(d.c, [=](const auto& lanes) {
            const auto share = select_equal(load_places<A>(lanes, place + pixel), here,
                                            lanes.load(dy + pixel), Packet<A>::zero());
            lanes.store(to, dx.accumulate ? lanes.load(to) + share : share);
          });
        }
      }
    }
  });
}

/// Any windows: the pixels gather from those that hold them.
template <class Dims, class T, class Place>
void max_pool2d_backward_gathered(const Dims& d, const Place* place, const T* dy,
                                  GradientSpan<T> dx) {
  using A = Accumulator<T>;
  gather_from_windows(d, dx, [=](const auto& lanes, const PoolShare& share, Packet<A> sum) {
    const Index pixel = share.pixel * d.c;
    const auto here = Packet<A>::set(static_cast<A>(share.position));
    return sum + select_equal(load_places<A>(lanes, place + pixel), here, lanes.load(dy + pixel),
                              Packet<A>::zero());
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

/// The same where the windows adapt.
template <class T, class Place>
void max_pool2d_backward(const AdaptivePool2dDims& d, const Place* place, const T* dy,
                         GradientSpan<T> dx) {
  detail::max_pool2d_backward_gathered(d, place, dy, dx);
}

CNNRNN_KERNELS_END
