#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <numeric>

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
//
// Along an axis a kernel may have two taps or one as well, and a tile three outputs: F(M, R) takes
// M + R - 1 points, the first of 0, 1, infinity, -1, 2, -2. The columns of A are then the same, so
// that the products of several kernels can be added up before they are transformed into outputs. G
// is that of four outputs; what is different for three is left to B. Of taps 0, the transforms do
// nothing: an axis with one tap, one output and one point.

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

struct WinogradNothing {
  static constexpr Index inputs = 1;
  static constexpr std::array<std::array<Index, 1>, 1> groups{{{0}}};

  template <std::size_t Group, class T>
  static Line<T, 1> apply(const Line<T, 1>& value) {
    return value;
  }
};

/// So many results that need no groups.
template <Index Inputs, Index Outputs>
struct WinogradLine {
  static constexpr Index inputs = Inputs;
  static constexpr auto groups = [] {
    std::array<std::array<Index, static_cast<std::size_t>(Outputs)>, 1> all{};
    std::iota(all[0].begin(), all[0].end(), Index(0));
    return all;
  }();
};

/// B^T d, of a tile of Side outputs
template <Index Taps, Index Side = Winograd::output>
struct WinogradInput : WinogradNothing {};

template <>
struct WinogradInput<1, 3> : WinogradLine<3, 3> {
  template <std::size_t Group, class T>
  static Line<T, 3> apply(const Line<T, 3>& d) {
    return {d[0] - d[1], all<T>(2) * d[1], d[2] - d[1]};
  }
};

template <>
struct WinogradInput<1, 4> : WinogradLine<4, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 4>& d) {
    return {d[0] - d[2], d[2] + d[1], d[3] - d[1], d[2] - d[1]};
  }
};

template <>
struct WinogradInput<2, 3> : WinogradLine<4, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 4>& d) {
    return {all<T>(2) * (d[0] - d[2]), all<T>(-1) * (d[1] + d[2]), d[3] - d[1],
            all<T>(3) * (d[1] - d[2])};
  }
};

template <>
struct WinogradInput<2, 4> : WinogradLine<5, 5> {
  template <std::size_t Group, class T>
  static Line<T, 5> apply(const Line<T, 5>& d) {
    const auto odd = d[3] - d[1];
    const auto next = d[3] - d[2];
    return {multiply_add(all<T>(2), d[0] - d[2], odd), multiply_add(all<T>(-2), d[1], next),
            multiply_add(all<T>(-2), odd, d[4] - d[2]), multiply_add(all<T>(2), d[1] - d[2], next),
            odd};
  }
};

template <>
struct WinogradInput<3, 3> : WinogradLine<5, 5> {
  template <std::size_t Group, class T>
  static Line<T, 5> apply(const Line<T, 5>& d) {
    const auto odd = d[3] - d[1];
    const auto next = d[3] - d[2];
    return {multiply_add(all<T>(4), d[0] - d[2], all<T>(2) * odd),
            multiply_add(all<T>(3), next, all<T>(-6) * d[1]),
            multiply_add(all<T>(-2), odd, d[4] - d[2]), multiply_add(all<T>(2), d[1] - d[2], next),
            all<T>(4) * odd};
  }
};

template <>
struct WinogradInput<3, 4> {
  static constexpr Index inputs = 6;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 3}, {4, 5}, {0, 2}}};

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

/// A^T m, with the points of so many taps
template <Index Taps, Index Side = Winograd::output>
struct WinogradOutput : WinogradNothing {};

template <>
struct WinogradOutput<2, 3> : WinogradLine<4, 3> {
  template <std::size_t Group, class T>
  static Line<T, 3> apply(const Line<T, 4>& m) {
    const auto even = m[1] + m[3];
    return {m[0] + even, m[1] - m[3], even + m[2]};
  }
};

template <>
struct WinogradOutput<2, 4> : WinogradLine<5, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 5>& m) {
    const auto even = m[1] + m[3];
    const auto odd = m[1] - m[3];
    return {m[0] + even + m[4], multiply_add(all<T>(2), m[4], odd),
            multiply_add(all<T>(4), m[4], even), multiply_add(all<T>(8), m[4], odd) + m[2]};
  }
};

template <>
struct WinogradOutput<3, 3> : WinogradLine<5, 3> {
  template <std::size_t Group, class T>
  static Line<T, 3> apply(const Line<T, 5>& m) {
    const auto even = m[1] + m[3];
    return {m[0] + even + m[4], multiply_add(all<T>(2), m[4], m[1] - m[3]),
            multiply_add(all<T>(4), m[4], even) + m[2]};
  }
};

template <>
struct WinogradOutput<3, 4> : WinogradLine<6, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 6>& m) {
    const auto even_ones = m[1] + m[3];
    const auto even_twos = m[4] + m[5];
    const auto odd_ones = m[1] - m[3];
    const auto odd_twos = m[4] - m[5];
    return {m[0] + even_ones + even_twos, multiply_add(all<T>(2), odd_twos, odd_ones),
            multiply_add(all<T>(4), even_twos, even_ones),
            multiply_add(all<T>(8), odd_twos, odd_ones) + m[2]};
  }
};

/// A dy
template <Index Taps, Index Side = Winograd::output>
struct WinogradOutputGradient : WinogradNothing {};

template <>
struct WinogradOutputGradient<2, 3> : WinogradLine<3, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 3>& dy) {
    const auto even = dy[0] + dy[2];
    return {dy[0], even + dy[1], dy[2], even - dy[1]};
  }
};

template <>
struct WinogradOutputGradient<2, 4> : WinogradLine<4, 5> {
  template <std::size_t Group, class T>
  static Line<T, 5> apply(const Line<T, 4>& dy) {
    const auto even = dy[0] + dy[2];
    const auto odd = dy[1] + dy[3];
    const auto even_two = multiply_add(all<T>(4), dy[2], dy[0]);
    const auto odd_two = multiply_add(all<T>(4), dy[3], dy[1]);
    return {dy[0], even + odd, dy[3], even - odd, multiply_add(all<T>(2), odd_two, even_two)};
  }
};

template <>
struct WinogradOutputGradient<3, 3> : WinogradLine<3, 5> {
  template <std::size_t Group, class T>
  static Line<T, 5> apply(const Line<T, 3>& dy) {
    const auto even = dy[0] + dy[2];
    return {dy[0], even + dy[1], dy[2], even - dy[1],
            multiply_add(all<T>(2), dy[1], multiply_add(all<T>(4), dy[2], dy[0]))};
  }
};

template <>
struct WinogradOutputGradient<3, 4> {
  static constexpr Index inputs = 4;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 3}, {4, 5}, {0, 2}}};

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
template <Index Taps, Index Side = Winograd::output>
struct WinogradWeight : WinogradNothing {};

template <>
struct WinogradWeight<1> : WinogradLine<1, 4> {
  template <std::size_t Group, class T>
  static Line<T, 4> apply(const Line<T, 1>& w) {
    const auto half = all<T>(0.5) * w[0];
    return {w[0], half, w[0], half};
  }
};

template <>
struct WinogradWeight<2> : WinogradLine<2, 5> {
  template <std::size_t Group, class T>
  static Line<T, 5> apply(const Line<T, 2>& w) {
    return {all<T>(0.5) * w[0], all<T>(-0.5) * (w[0] + w[1]), w[1], all<T>(1.0 / 6) * (w[1] - w[0]),
            multiply_add(all<T>(1.0 / 6), w[0], all<T>(1.0 / 3) * w[1])};
  }
};

template <>
struct WinogradWeight<3> {
  static constexpr Index inputs = 3;
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 3}, {4, 5}, {0, 2}}};

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
template <Index Taps, Index Side = Winograd::output>
struct WinogradWeightGradient : WinogradNothing {};

template <>
struct WinogradWeightGradient<1> : WinogradLine<4, 1> {
  template <std::size_t Group, class T>
  static Line<T, 1> apply(const Line<T, 4>& u) {
    return {multiply_add(all<T>(0.5), u[1] + u[3], u[0] + u[2])};
  }
};

template <>
struct WinogradWeightGradient<2> : WinogradLine<5, 2> {
  template <std::size_t Group, class T>
  static Line<T, 2> apply(const Line<T, 5>& u) {
    const auto sixth = all<T>(1.0 / 6);
    return {multiply_add(all<T>(0.5), u[0] - u[1], sixth * (u[4] - u[3])),
            multiply_add(all<T>(-0.5), u[1],
                         multiply_add(sixth, u[3], multiply_add(all<T>(1.0 / 3), u[4], u[2])))};
  }
};

template <>
struct WinogradWeightGradient<3> : WinogradLine<6, 3> {
  template <std::size_t Group, class T>
  static Line<T, 3> apply(const Line<T, 6>& u) {
    const auto ones = u[1] + u[3];
    const auto twos = u[4] + u[5];
    const auto sixth = all<T>(1.0 / 6);
    return {multiply_add(all<T>(0.25), u[0],
                         multiply_add(all<T>(1.0 / 24), twos, all<T>(-1.0 / 6) * ones)),
            multiply_add(all<T>(1.0 / 12), u[4] - u[5], sixth * (u[3] - u[1])),
            multiply_add(sixth, twos - ones, u[2])};
  }
};

/// What gives points, with those of F(4, 3) in the order 0, 1, -1, 2, -2, infinity, as a 3x3 kernel
/// by itself has them: the addresses of pairs beside each other take fewer registers.
template <class Transform>
struct WinogradToPairs : Transform {
  static constexpr std::array<std::array<Index, 2>, 3> groups{{{1, 2}, {3, 4}, {0, 5}}};
};

/// What takes points, in that order.
template <class Transform>
struct WinogradFromPairs : Transform {
  template <std::size_t Group, class T>
  static auto apply(const Line<T, 6>& m) {
    return Transform::template apply<Group>(Line<T, 6>{m[0], m[1], m[5], m[2], m[3], m[4]});
  }
};

using WinogradInput3 = WinogradToPairs<WinogradInput<3>>;
using WinogradOutput3 = WinogradFromPairs<WinogradOutput<3>>;
using WinogradOutputGradient3 = WinogradToPairs<WinogradOutputGradient<3>>;
using WinogradWeight3 = WinogradToPairs<WinogradWeight<3>>;
using WinogradWeightGradient3 = WinogradFromPairs<WinogradWeightGradient<3>>;

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
template <class T, class Transform, class LineAt, class To, class Finish = std::identity>
void winograd_transform_lines(const LineAt& line_at, To* to, Index to_row, Index to_column,
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

/// The same for elements in memory, of T or bfloat16, (i, j) at `from` + i row + j column; what is
/// loaded more than once is in the first cache.
template <class T, class Transform, class From, class To, class Finish = std::identity>
[[gnu::flatten, gnu::noinline]] void winograd_transform(const From* from, Index row, Index column,
                                                        To* to, Index to_row, Index to_column,
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
