#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>

#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/transform.hpp"

CNNRNN_KERNELS_BEGIN

/// Outputs of a tile along an axis with a kernel of so many taps.
constexpr Index winograd_side(Index taps) { return taps == 0 ? 1 : Winograd::output; }

/// What a tile of `side` outputs reads along such an axis, and the number of its points.
constexpr Index winograd_points(Index taps, Index side = Winograd::output) {
  return taps == 0 ? 1 : side + taps - 1;
}
constexpr Size2d winograd_points(const Size2d& taps, const Size2d& side = {Winograd::output}) {
  return {winograd_points(taps.h, side.h), winograd_points(taps.w, side.w)};
}

/// One of the transforms in one direction, of `lines` lines: the elements i of line j are at `from`
/// + i step + j line, and Finish of the elements of the result goes to `to` + k to_step + j
/// to_line.
template <class T, class Transform, class Finish>
[[gnu::flatten, gnu::noinline]] void winograd_transform_each(Index lines, const T* from, Index step,
                                                             Index line, T* to, Index to_step,
                                                             Index to_line) {
  for (Index j = 0; j < lines; ++j, from += line, to += to_line) {
    detail::Line<T, static_cast<std::size_t>(Transform::inputs)> elements;
    unroll<Transform::inputs>([&](auto i) { elements[i] = Packet<T>::load(from + i * step); });
    winograd_transform_line<T, Transform>(
        elements, [&](Index k, Packet<T> value) { Finish{}(value).store(to + k * to_step); });
  }
}

/// One of the transforms in both directions, one after the other, for kernels of any taps and tiles
/// of any side along each axis.
template <class T>
class WinogradTransform {
 public:
  template <template <Index, Index> class Transform, class Finish = std::identity>
  static WinogradTransform of(const Size2d& taps, const Size2d& side = {Winograd::output}) {
    constexpr Index most = Winograd::kernel, wide = Winograd::output;
    WinogradTransform both;
    if (taps == Size2d(most) && side == Size2d(wide)) {
      both.square_ = [](const T* from, Index row, Index column, T* to, Index to_row,
                        Index to_column) {
        winograd_transform<T, Transform<most, wide>>(from, row, column, to, to_row, to_column,
                                                     Finish{});
      };
    } else if (taps.h == 0) {
      both.columns_ = direction<Transform, Finish>(taps.w, side.w);
    } else if (taps.w == 0) {
      both.rows_ = direction<Transform, Finish>(taps.h, side.h);
    } else {
      both.rows_ = direction<Transform, std::identity>(taps.h, side.h);
      both.columns_ = direction<Transform, Finish>(taps.w, side.w);
    }
    return both;
  }

  /// As winograd_transform.
  void operator()(const T* from, Index row, Index column, T* to, Index to_row,
                  Index to_column) const {
    constexpr Index width = Packet<T>::width;
    if (square_ != nullptr) {
      square_(from, row, column, to, to_row, to_column);
    } else if (rows_.lines == nullptr) {
      columns_.lines(1, from, column, 0, to, to_column, 0);
    } else if (columns_.lines == nullptr) {
      rows_.lines(1, from, row, 0, to, to_row, 0);
    } else {
      T between[static_cast<std::size_t>(Winograd::points * width)];
      const Index between_row = columns_.inputs * width;
      rows_.lines(columns_.inputs, from, row, column, between, between_row, width);
      columns_.lines(rows_.outputs, between, width, between_row, to, to_column, to_row);
    }
  }

 private:
  struct Direction {
    Index inputs = 1, outputs = 1;
    void (*lines)(Index lines, const T* from, Index step, Index line, T* to, Index to_step,
                  Index to_line) = nullptr;
  };

  template <template <Index, Index> class Transform, class Finish>
  static Direction direction(Index taps, Index side) {
    const auto of_taps = [&](auto of_side) {
      constexpr Index count = of_side;
      return taps == 0   ? lines<Transform<0, count>, Finish>()
             : taps == 1 ? lines<Transform<1, count>, Finish>()
             : taps == 2 ? lines<Transform<2, count>, Finish>()
                         : lines<Transform<3, count>, Finish>();
    };
    return side == 3 ? of_taps(std::integral_constant<Index, 3>{})
                     : of_taps(std::integral_constant<Index, Winograd::output>{});
  }

  template <class Transform, class Finish>
  static Direction lines() {
    return {Transform::inputs,
            static_cast<Index>(Transform::groups.size() * Transform::groups[0].size()),
            winograd_transform_each<T, Transform, Finish>};
  }

  void (*square_)(const T* from, Index row, Index column, T* to, Index to_row,
                  Index to_column) = nullptr;
  Direction rows_, columns_;
};

CNNRNN_KERNELS_END
