#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include "cnnrnn/core/simd.hpp"

// The transforms of F(4x4, 3x3): a tile of 4 x 4 outputs of a 3 x 3 convolution by 6 x 6 products
// where the definition takes 144 (Winograd 1980; Lavin and Gray 2016, section 4, whose points 0, 1,
// -1, 2, -2 and infinity these are):
//
//   y = A^T [(G w G^T) . (B^T d B)] A
//
// Every matrix comes as its product with one line of packets, in groups of outputs that share
// terms. The gradient of the weights is the same read backwards:
//
//   dw = G^T [(B^T d B) . (A dy A^T)] G

CNNRNN_KERNELS_BEGIN

struct Winograd {
  static constexpr Index output = 4;  ///< outputs of a tile along one axis
  static constexpr Index input = 6;   ///< what they read along it, and the number of its points
  static constexpr Index kernel = 3;
  static constexpr Index points = input * input;
};

namespace detail {

template <class T, std::size_t N>
using Line = std::array<Packet<T>, N>;

template <class T>
Packet<T> all(double value) {
  return Packet<T>::set(static_cast<T>(value));
}

/// B^T d
struct WinogradInput {
  static constexpr Index inputs = 6;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 2}, {3, 4}, {0, 5}}};

  template <std::size_t Group, class T>
  static Line<T, 2> apply(const Line<T, 6>& d) {
    if constexpr (Group == 0) {
      const auto even = multiply_add(all<T>(-4), d[2], d[4]);
      const auto odd = multiply_add(all<T>(-4), d[1], d[3]);
      return {even + odd, even - odd};
    } else if constexpr (Group == 1) {
      const auto even = d[4] - d[2];
      const auto odd = d[3] - d[1];
      return {multiply_add(all<T>(2), odd, even), multiply_add(all<T>(-2), odd, even)};
    } else {
      return {multiply_add(all<T>(4), d[0], multiply_add(all<T>(-5), d[2], d[4])),
              multiply_add(all<T>(4), d[1], multiply_add(all<T>(-5), d[3], d[5]))};
    }
  }
};

/// A^T m
struct WinogradOutput {
  static constexpr Index inputs = 6;
  static constexpr std::array<std::array<Index, 4>, 1> groups{{{0, 1, 2, 3}}};

  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 6>& m) {
    const auto even_ones = m[1] + m[2];
    const auto even_twos = m[3] + m[4];
    const auto odd_ones = m[1] - m[2];
    const auto odd_twos = m[3] - m[4];
    return {m[0] + even_ones + even_twos, multiply_add(all<T>(2), odd_twos, odd_ones),
            multiply_add(all<T>(4), even_twos, even_ones),
            multiply_add(all<T>(8), odd_twos, odd_ones) + m[5]};
  }
};

/// A dy
struct WinogradOutputGradient {
  static constexpr Index inputs = 4;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 2}, {3, 4}, {0, 5}}};

  template <std::size_t Group, class T>
  static Line<T, 2> apply(const Line<T, 4>& dy) {
    if constexpr (Group == 0) {
      const auto even = dy[0] + dy[2];
      const auto odd = dy[1] + dy[3];
      return {even + odd, even - odd};
    } else if constexpr (Group == 1) {
      const auto even = multiply_add(all<T>(4), dy[2], dy[0]);
      const auto odd = multiply_add(all<T>(4), dy[3], dy[1]);
      return {multiply_add(all<T>(2), odd, even), multiply_add(all<T>(-2), odd, even)};
    } else {
      return {dy[0], dy[3]};
    }
  }
};

/// G w
struct WinogradWeight {
  static constexpr Index inputs = 3;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 2}, {3, 4}, {0, 5}}};

  template <std::size_t Group, class T>
  static Line<T, 2> apply(const Line<T, 3>& w) {
    if constexpr (Group == 0) {
      const auto even = all<T>(-1.0 / 6) * (w[0] + w[2]);
      const auto odd = all<T>(-1.0 / 6) * w[1];
      return {even + odd, even - odd};
    } else if constexpr (Group == 1) {
      const auto even = multiply_add(all<T>(1.0 / 24), w[0], all<T>(1.0 / 6) * w[2]);
      const auto odd = all<T>(1.0 / 12) * w[1];
      return {even + odd, even - odd};
    } else {
      return {all<T>(0.25) * w[0], w[2]};
    }
  }
};

/// G^T u
struct WinogradWeightGradient {
  static constexpr Index inputs = 6;
  static constexpr std::array<std::array<Index, 3>, 1> groups{{{0, 1, 2}}};

  template <std::size_t Group, class T>
  static Line<T, 3> apply(const Line<T, 6>& u) {
    const auto ones = u[1] + u[2];
    const auto twos = u[3] + u[4];
    const auto sixth = all<T>(1.0 / 6);
    return {multiply_add(all<T>(0.25), u[0],
                         multiply_add(all<T>(1.0 / 24), twos, all<T>(-1.0 / 6) * ones)),
            multiply_add(all<T>(1.0 / 12), u[3] - u[4], sixth * (u[2] - u[1])),
            multiply_add(sixth, twos - ones, u[5])};
  }
};

}  // namespace detail

/// One of the transforms above in one direction: store(k, value) takes the elements of its result.
template <class T, class Transform, class Store>
void winograd_transform_line(
    const detail::Line<T, static_cast<std::size_t>(Transform::inputs)>& line, const Store& store) {
  unroll<static_cast<Index>(Transform::groups.size())>([&](auto group) {
    const auto part = Transform::template apply<static_cast<std::size_t>(group)>(line);
    unroll<static_cast<Index>(part.size())>(
        [&](auto k) { store(Transform::groups[group][k], part[k]); });
  });
}

/// Both directions of one of the transforms above, for one packet of channels: line_at(j) gives the
/// elements (0, j), (1, j), ... once for each group; finish(element (k, l)) of the result goes to
/// `to` + k to_row + l to_column. A group of lines at a time, few enough for the registers.
template <class T, class Transform, class LineAt, class Finish = std::identity>
void winograd_transform_lines(const LineAt& line_at, T* to, Index to_row, Index to_column,
                              const Finish& finish = {}) {
  constexpr auto inputs = static_cast<std::size_t>(Transform::inputs);
  constexpr auto groups = static_cast<Index>(Transform::groups.size());
  constexpr auto members = Transform::groups[0].size();
  unroll<groups>([&](auto rows) {
    detail::Line<T, inputs> lines[members];
    unroll<Transform::inputs>([&](auto j) {
      const auto part = Transform::template apply<static_cast<std::size_t>(rows)>(line_at(j));
      unroll<static_cast<Index>(members)>([&](auto k) { lines[k][j] = part[k]; });
    });
    unroll<static_cast<Index>(members)>([&](auto k) {
      unroll<groups>([&](auto columns) {
        const auto part = Transform::template apply<static_cast<std::size_t>(columns)>(lines[k]);
        unroll<static_cast<Index>(members)>([&](auto l) {
          finish(part[l]).store(to + Transform::groups[rows][k] * to_row +
                                Transform::groups[columns][l] * to_column);
        });
      });
    });
  });
}

/// The same for elements in memory, (i, j) at `from` + i row + j column; what is loaded more than
/// once is in the first cache.
template <class T, class Transform, class Finish = std::identity>
[[gnu::flatten, gnu::noinline]] void winograd_transform(const T* from, Index row, Index column,
                                                        T* to, Index to_row, Index to_column,
                                                        const Finish& finish = {}) {
  const auto line_at = [=](auto j) {
    detail::Line<T, static_cast<std::size_t>(Transform::inputs)> line;
    unroll<Transform::inputs>(
        [&](auto i) { line[i] = Packet<T>::load(from + i * row + j * column); });
    return line;
  };
  winograd_transform_lines<T, Transform>(line_at, to, to_row, to_column, finish);
}

CNNRNN_KERNELS_END
