#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// One register tile serves dense layers, convolutions in all directions and recurrent gates; they
// differ in how they address the rows of A and in what the sums start from.
//
//   MR x NR   the tile of the result that stays in registers, NR being two vectors, or one where
//             the result is no wider

CNNRNN_KERNELS_BEGIN

/// Twelve accumulators at least hide the latency of a multiply-add; 24 where there are 32
/// registers.
template <class T>
struct Tile {
  static constexpr Index vectors = 2;
  static constexpr Index rows = vector_registers == 32 ? 12 : 6;
  static constexpr Index columns = vectors * Packet<T>::width;
};

/// Columns of the panel from column n0 on: those of a tile, or of one packet if that holds the
/// rest.
template <class T>
Index panel_columns(Index n0, Index columns) {
  return columns - n0 <= Packet<T>::width ? Packet<T>::width : Tile<T>::columns;
}

/// A stretch of consecutive elements in every row of A, and which row of B the first one meets.
struct Run {
  Index begin;
  Index length;
  Index place = 0;
};

/// What the sums of a tile start from: zero (no data), the result itself, or a bias (stride 0).
template <class T>
struct TileStart {
  const T* data = nullptr;
  Index row_stride = 0;

  TileStart shifted(Index row, Index column) const {
    return {data ? data + row * row_stride + column : nullptr, row_stride};
  }
};

/// How many of the rows left are computed next: those of a whole register tile, two thirds or a
/// third. A third alone does not hide the latency of a multiply-add, so what is more than a whole
/// tile and at most four thirds is taken as twice two.
constexpr Index tile_step(Index left, Index third) {
  const bool whole = left > 2 * third && (left <= 3 * third || left > 4 * third);
  return whole ? 3 * third : left > third ? 2 * third : third;
}

/// c (Rows, Vectors packets) = start + sum over k of a[row][k] b (K, Vectors packets), where k goes
/// through the runs in turn.
template <class T, Index Rows, Index Vectors>
[[gnu::flatten, gnu::noinline]] void gemm_tile(const T* const* a, std::span<const Run> runs,
                                               const T* b, TileStart<T> start, T* c,
                                               Index c_stride) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) {
      sum[i][v] =
          start.data ? P::load(start.data + i * start.row_stride + v * P::width) : P::zero();
    });
  });
  for (const Run run : runs) {
    const Index end = run.begin + run.length;
    const T* in_b = b + run.place * Vectors * P::width;
    for (Index k = run.begin; k < end; ++k, in_b += Vectors * P::width) {
      P row_of_b[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto v) { row_of_b[v] = P::load(in_b + v * P::width); });
      unroll<Rows>([&](auto i) {
        const P element_of_a = P::set(a[i][k]);
        unroll<Vectors>(
            [&](auto v) { sum[i][v] = multiply_add(element_of_a, row_of_b[v], sum[i][v]); });
      });
    }
  }
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) { sum[i][v].store(c + i * c_stride + v * P::width); });
  });
}

/// The tile at the rim of the result, where only `rows` x `columns` of it exist. The pointers of
/// missing rows must still be readable.
template <class T, Index Rows, Index Vectors>
void gemm_rim_tile(const T* const* a, std::span<const Run> runs, const T* b, TileStart<T> start,
                   T* c, Index c_stride, Index rows, Index columns) {
  constexpr Index width = Vectors * Packet<T>::width;
  if (rows == Rows && columns == width) {
    gemm_tile<T, Rows, Vectors>(a, runs, b, start, c, c_stride);
    return;
  }
  T whole[static_cast<std::size_t>(Rows * width)];
  gemm_tile<T, Rows, Vectors>(a, runs, b, TileStart<T>{}, whole, width);
  for (Index i = 0; i < rows; ++i) {
    const T* const sum = whole + i * width;
    const T* const begun = start.data ? start.data + i * start.row_stride : nullptr;
    T* const to = c + i * c_stride;
    for_each_lanes<T>(columns, [=](const auto& lanes) {
      const auto value = lanes.load(sum);
      lanes.store(to, begun ? lanes.load(begun) + value : value);
    });
  }
}

/// c (Rows, Vectors packets) += sum over i and k of a[i row_stride + k step + m] times packet v at
/// b[(i steps + k) b_step + v b_packet]: the tile of weight gradients, whose A lies transposed.
/// `Rows` elements must be readable at each step.
template <class T, Index Rows, Index Vectors>
[[gnu::flatten, gnu::noinline]] void gemm_transposed_tile(Index rows, Index row_stride, Index steps,
                                                          Index step, const T* a, const T* b,
                                                          Index b_step, Index b_packet, T* c,
                                                          Index c_stride) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto m) {
    unroll<Vectors>([&](auto v) { sum[m][v] = P::load(c + m * c_stride + v * P::width); });
  });
  for (Index i = 0; i < rows; ++i, a += row_stride) {
    const T* column_of_a = a;
    for (Index k = 0; k < steps; ++k, column_of_a += step, b += b_step) {
      P row_of_b[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto v) { row_of_b[v] = P::load(b + v * b_packet); });
      unroll<Rows>([&](auto m) {
        const P element_of_a = P::set(column_of_a[m]);
        unroll<Vectors>(
            [&](auto v) { sum[m][v] = multiply_add(element_of_a, row_of_b[v], sum[m][v]); });
      });
    }
  }
  unroll<Rows>([&](auto m) {
    unroll<Vectors>([&](auto v) { sum[m][v].store(c + m * c_stride + v * P::width); });
  });
}

CNNRNN_KERNELS_END
