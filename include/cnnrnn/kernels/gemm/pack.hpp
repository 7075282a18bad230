#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

// Copies of A and B in the order in which the tile reads them.
//
//   NR   columns of a panel of B, those of a tile

CNNRNN_KERNELS_BEGIN

/// How much of the sums' length is worked on at a time, and how many columns: a panel of B and the
/// rows of A of a tile stay in the first cache, all of B's block in the second.
template <class T>
struct GemmBlock {
  static constexpr Index panel_bytes = 1 << 15;
  static constexpr Index depth =
      std::clamp<Index>(panel_bytes / (Tile<T>::columns * static_cast<Index>(sizeof(T))), 256, 512);
  static constexpr Index columns = 16 * Tile<T>::columns;
};

namespace detail {

/// Calls place(k, row) for the rows k = 0 ... depth - 1 of a strip of at most `width` columns, each
/// contiguous in memory, with zeros past the last column: squares of vectors are transposed in
/// registers.
template <class Element, class Place>
[[gnu::flatten]] void for_each_transposed_row(Index depth, Index columns, const Element* b,
                                              Index column_stride, const Place& place) {
  using T = Accumulator<Element>;
  using P = Packet<T>;
  std::array<P, static_cast<std::size_t>(P::width)> square;
  square.fill(P::zero());
  for (Index k = 0; k < depth; k += P::width) {
    const Index rows = std::min(P::width, depth - k);
    for (Index column = 0; column < P::width; ++column) {
      const Element* const from = b + std::min(column, columns - 1) * column_stride + k;
      const P loaded = rows == P::width ? P::load(from) : P::load_partial(from, rows);
      square[static_cast<std::size_t>(column)] = column < columns ? loaded : P::zero();
    }
    transpose<T>(square);
    for (Index row = 0; row < rows; ++row) {
      place(k + row, square[static_cast<std::size_t>(row)]);
    }
  }
}

/// Copies such a strip to rows of a packet that are `to_stride` apart, forward or backward.
template <class T, class Element>
void pack_transposed_strip(Index depth, Index columns, const Element* b, Index column_stride, T* to,
                           Index to_stride) {
  for_each_transposed_row(depth, columns, b, column_stride,
                          [=](Index k, Packet<T> row) { row.store(to + k * to_stride); });
}

/// A panel of rows that already lie as it wants them.
template <class T>
void pack_plain_panel(Index depth, const MatrixView<T>& b, T* to) {
  constexpr Index ahead = 4;
  for (Index k = 0; k < depth; ++k, to += Tile<T>::columns) {
    unroll<Tile<T>::vectors>([&](auto v) {
      constexpr Index column = v * Packet<T>::width;
      CNNRNN_PREFETCH(b.at(k + ahead, column), 0, 3);
      Packet<T>::load(b.at(k, column)).store(to + column);
    });
  }
}

/// One panel: depth rows of `stride` elements, NR or one vector, with zeros past the last column.
template <class T>
void pack_panel(Index depth, Index columns, const MatrixView<T>& b, T* to,
                Index stride = Tile<T>::columns) {
  constexpr Index width = Packet<T>::width;
  if (b.column_stride == 1 && columns == Tile<T>::columns) {
    pack_plain_panel(depth, b, to);
    return;
  }
  const bool transposed = b.row_stride == 1;
  const Index begin = transposed ? round_up(columns, width) : 0;
  for (Index column = 0; column < begin; column += width) {
    pack_transposed_strip(depth, std::min(width, columns - column), b.at(0, column),
                          b.column_stride, to + column, stride);
  }
  for (Index k = 0; k < depth; ++k, to += stride) {
    for (Index column = begin; column < columns; ++column) {
      to[column] = *b.at(k, column);
    }
    std::fill(to + std::max(begin, columns), to + stride, T(0));
  }
}

/// All panels of a block of B, one after the other.
template <class T>
void pack_block(Index depth, Index columns, const MatrixView<T>& b, T* to, Index stride) {
  for (Index column = 0; column < columns; column += stride) {
    pack_panel(depth, std::min(stride, columns - column), b.shifted(0, column), to + column * depth,
               stride);
  }
}

/// Copies so few elements that a call would cost more than the copy.
template <Index Count, class T>
void copy_few(const T* from, T* to) {
  constexpr Index whole = Count / Packet<T>::width * Packet<T>::width;
  unroll<whole / Packet<T>::width>([&](auto v) {
    Packet<T>::load(from + v * Packet<T>::width).store(to + v * Packet<T>::width);
  });
  if constexpr (Count > whole) {
    Packet<T>::load_partial(from + whole, Count - whole).store_partial(to + whole, Count - whole);
  }
}

/// Copies R rows of A, and says how the copy is to be read: rows stay rows if they lie in memory
/// so, columns columns.
template <Index R, class T>
MatrixView<T> copy_rows(Index depth, const MatrixView<T>& a, T* to) {
  if (a.column_stride == 1) {
    for (Index row = 0; row < R; ++row) {
      std::copy_n(a.at(row, 0), depth, to + row * depth);
    }
    return {to, depth, 1};
  }
  const Index step = a.row_stride == 1 ? 1 : a.row_stride;
  for (Index k = 0; k < depth; ++k) {
    const T* const from = a.at(0, k);
    if (step == 1) {
      copy_few<R>(from, to + k * R);
    } else {
      unroll<R>([&](auto row) { to[k * R + row] = from[row * step]; });
    }
  }
  return {to, 1, R};
}

}  // namespace detail

/// Columns of B as a tile finds them: packed, or in B's own memory.
template <class T>
struct PanelsOfB {
  const T* data;
  Index panel_stride;
  Index row_stride;

  const T* at(Index column) const { return data + column / Tile<T>::columns * panel_stride; }
};

/// B (K, N) packed: block after block of the depth, in it panel after panel of NR columns (zeros
/// past the last), in it row after row. Packed once, good for many products.
template <class T>
class PackedB {
 public:
  PackedB(Index n, Index k, MatrixView<T> b) : n_(n), k_(k), packed_({round_up(n, nr) * k}) {
    T* const to = packed_.mutable_data();
    const Index panels = round_up(n, nr) / nr;
    const Index depths = round_up(k, depth) / depth;
    parallel_for(panels * depths, 4, [&](Index begin, Index end) {
      for (Index block = begin; block < end; ++block) {
        const Index n0 = block % panels * nr;
        const Index k0 = block / panels * depth;
        detail::pack_panel(std::min(depth, k_ - k0), std::min(nr, n_ - n0), b.shifted(k0, n0),
                           to + position(n0, k0));
      }
    });
  }

  /// B that was packed before: what packed() of another one gave.
  PackedB(Index n, Index k, Tensor<T> packed) : n_(n), k_(k), packed_(std::move(packed)) {}

  Index n() const { return n_; }
  Index k() const { return k_; }
  const Tensor<T>& packed() const { return packed_; }

  /// The panel of columns n0 ... n0 + NR - 1 from row k0 on; k0 is the begin of a depth block.
  const T* panel(Index n0, Index k0) const { return packed_.data() + position(n0, k0); }

  /// The panels from there on.
  PanelsOfB<T> panels(Index n0, Index k0) const {
    return {panel(n0, k0), nr * std::min(depth, k_ - k0), nr};
  }

 private:
  static constexpr Index nr = Tile<T>::columns;
  static constexpr Index depth = GemmBlock<T>::depth;

  Index position(Index n0, Index k0) const {
    return k0 * round_up(n_, nr) + n0 * std::min(depth, k_ - k0);
  }

  Index n_;
  Index k_;
  Tensor<T> packed_;
};

CNNRNN_KERNELS_END
