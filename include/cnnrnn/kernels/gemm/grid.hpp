#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How a result is cut for the threads: parts of rows x columns. Every element is summed whole and
/// in the order of the depth wherever the cuts are, so they may depend on the number of threads.
struct GemmGrid {
  Index rows, columns;
  Index row_parts, column_parts;

  Index parts() const { return row_parts * column_parts; }

  /// The time of a step of the depth: products, and copies of what is multiplied.
  Index cost() const { return rows * columns + 4 * (rows + columns); }
};

/// The cut of least cost. Of two that cost the same the one that leaves columns whole: where a row
/// of the result has two writers, what a core fetches ahead is what the other one writes.
template <class T>
GemmGrid gemm_grid(Index m, Index n, Index k) {
  constexpr Index least_work = 1 << 17;  // below it, waking a thread costs more than it does
  const Index most = std::min<Index>(loop_threads(), m * n * k / least_work);
  const auto parts = [](Index count, Index size) { return (count + size - 1) / size; };
  GemmGrid best{m, n, 1, 1};
  for (Index row_parts = 1; row_parts <= most; ++row_parts) {
    const Index rows = std::min(m, round_up(parts(m, row_parts), 4));
    const Index columns = std::min(n, round_up(parts(n, most / row_parts), Tile<T>::columns));
    const GemmGrid grid{rows, columns, parts(m, rows), parts(n, columns)};
    const bool cheaper = grid.cost() < best.cost();
    const bool wider = grid.cost() == best.cost() && grid.column_parts < best.column_parts;
    best = cheaper || wider ? grid : best;
  }
  return best;
}

/// Calls body(m0, m, n0, n) for the m rows from m0 on and the n columns from n0 on of each part, on
/// all threads.
template <class T, class Body>
void for_each_gemm_part(Index m, Index n, Index k, const Body& body) {
  constexpr Index least = 1 << 15;  // changing the mode of denormals takes a third of 8 x 8 x 8
  if (m * n * k < least) {
    body(Index(0), m, Index(0), n);
    return;
  }
  const GemmGrid grid = gemm_grid<T>(m, n, k);
  if (grid.parts() == 1) {
    const FlushDenormals flush;
    body(Index(0), m, Index(0), n);
    return;
  }
  parallel_for(grid.parts(), 1, [&](Index part, Index) {
    const Index m0 = part / grid.column_parts * grid.rows;
    const Index n0 = part % grid.column_parts * grid.columns;
    body(m0, std::min(grid.rows, m - m0), n0, std::min(grid.columns, n - n0));
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
