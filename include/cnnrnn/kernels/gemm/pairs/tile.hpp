#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "cnnrnn/core/bfloat16_pairs.hpp"
#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"

// The register tile of bfloat16, which multiplies pairs of numbers that are next to each other in
// the length of the sums. Those are float from beginning to end and rounded once.

CNNRNN_KERNELS_BEGIN

/// Rows of results: what their sums start from, and how they end.
template <class Out>
struct PairOutput {
  Out* data;
  Index row_stride;
  const float* bias = nullptr;  ///< for every row
  const Out* beside = nullptr;  ///< added to the results, with the same stride; they may be `data`
  bool relu = false;

  PairOutput shifted(Index row, Index column) const {
    const Index by = row * row_stride + column;
    return {data + by, row_stride, bias != nullptr ? bias + column : nullptr,
            beside != nullptr ? beside + by : nullptr, relu};
  }
  template <class Lanes>
  Packet<float> start(Index row, const Lanes& lanes) const {
    auto sums = bias != nullptr ? lanes.load(bias) : Packet<float>::zero();
    return beside != nullptr ? sums + lanes.load(beside + row * row_stride) : sums;
  }
  Packet<float> end(Packet<float> sums) const { return relu ? kernels::relu(sums) : sums; }
};

/// A gradient of rows of `columns` elements, stored or added to.
inline PairOutput<bfloat16> pair_gradient(Index columns, const GradientSpan<bfloat16>& dx) {
  return {.data = dx.data(), .row_stride = columns, .beside = dx.accumulate ? dx.data() : nullptr};
}

namespace detail {

/// c (Rows, Vectors packets) = a times b: a row of A is the runs of it in turn, of an even number
/// of elements each, and B is packed in pairs. Of a tile at the rim only `rows` x `columns` exist;
/// the pointers of missing rows must still be readable.
template <Index Rows, Index Vectors, bool Rim, class Out>
[[gnu::flatten, gnu::noinline]] void pair_tile(const bfloat16* const* a, std::span<const Run> runs,
                                               const float* b, const PairOutput<Out>& c, Index rows,
                                               Index columns) {
  using P = Packet<float>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) {
      constexpr Index at = v * P::width;
      if constexpr (!Rim) {
        sum[i][v] = c.start(i, WholeLanes<float>{at});
      } else {
        sum[i][v] = columns < at + P::width
                        ? c.start(std::min<Index>(i, rows - 1), PartLanes<float>{at, columns - at})
                        : c.start(std::min<Index>(i, rows - 1), WholeLanes<float>{at});
      }
    });
  });
  for (const Run run : runs) {
    const Index end = run.begin + run.length;
    for (Index k = run.begin; k < end; k += 2, b += Vectors * P::width) {
      Bfloat16Pairs row_of_b[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto v) { row_of_b[v] = Bfloat16Pairs::load(b + v * P::width); });
      unroll<Rows>([&](auto i) {
        const auto pair_of_a = Bfloat16Pairs::set(a[i] + k);
        unroll<Vectors>(
            [&](auto v) { sum[i][v] = multiply_add(pair_of_a, row_of_b[v], sum[i][v]); });
      });
    }
  }
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) {
      constexpr Index at = v * P::width;
      Out* const to = c.data + i * c.row_stride + at;
      const P result = c.end(sum[i][v]);
      if (!Rim || (i < rows && columns >= at + P::width)) {
        store_sums(to, result);
      } else if (i < rows && columns > at) {
        result.store_partial(to, columns - at);
      }
    });
  });
}

template <Index Vectors, bool Rim, class Out>
auto pair_tile_of(Index rows) {
  constexpr Index third = Tile<float>::rows / 3;
  return rows == 3 * third   ? pair_tile<3 * third, Vectors, Rim, Out>
         : rows == 2 * third ? pair_tile<2 * third, Vectors, Rim, Out>
                             : pair_tile<third, Vectors, Rim, Out>;
}

}  // namespace detail

/// c (M, N) = a times b. `a` points to the rows of A, of the last once more for those of a tile
/// that there are not: M + MR - 1 in all. One panel of B after the other, unless all of them stay
/// in the second cache: then the rows of A are read once, and those of the result written from end
/// to end.
template <class Out>
void multiply_pairs(Index m, Index n, std::span<const Run> runs, const bfloat16* const* a,
                    const float* b, const PairOutput<Out>& c) {
  constexpr Index cached = (128 << 10) / static_cast<Index>(sizeof(float));
  constexpr Index nr = Tile<float>::columns;
  Index pairs = 0;
  for (const Run run : runs) {
    pairs += run.length / 2;
  }
  const auto multiply = [&](Index row, Index step, Index n0) {
    const Index width = panel_columns<float>(n0, n);
    const Index rows = std::min(step, m - row);
    const Index columns = std::min(width, n - n0);
    const bool whole = rows == step && columns == width;
    const auto tile = width == nr ? whole ? detail::pair_tile_of<2, false, Out>(step)
                                          : detail::pair_tile_of<2, true, Out>(step)
                      : whole ? detail::pair_tile_of<1, false, Out>(step)
                                  : detail::pair_tile_of<1, true, Out>(step);
    tile(a + row, runs, b + n0 * pairs, c.shifted(row, n0), rows, columns);
  };
  const bool by_rows = n * pairs <= cached;
  const Index block = by_rows ? n : nr;
  for (Index begin = 0; begin < n; begin += block) {
    for (Index row = 0, step = 0; row < m; row += step) {
      step = tile_step(m - row, Tile<float>::rows / 3);
      for (Index n0 = begin; n0 < std::min(n, begin + block); n0 += nr) {
        multiply(row, step, n0);
      }
    }
  }
}

CNNRNN_KERNELS_END
