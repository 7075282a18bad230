#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"

// The tile of plain matrix products: A and B are read with any strides, packed or where they lie,
// and rows and columns that fill no tile have smaller ones.
//
//   R x V   rows, and vectors of a row, that stay in registers

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Calls body(row) while R rows are left before m, and moves on.
template <Index R, class Body>
void take_rows(Index& row, Index m, const Body& body) {
  for (; row + R <= m; row += R) {
    body(std::integral_constant<Index, R>{}, row);
  }
}

/// The columns of a tile: V vectors, the last of which may exist in part.
template <class T, Index V, bool Partial>
struct TileColumns {
  using P = Packet<T>;
  Index last;

  template <Index J>
  static constexpr bool cut = Partial&& J == V - 1;

  template <Index J>
  P load(const T* row) const {
    return cut<J> ? P::load_partial(row + J * P::width, last) : P::load(row + J * P::width);
  }
  /// Without masks B is packed or has whole vectors, and reading all of one is faster.
  template <Index J>
  P load_b(const T* row) const {
    return cut<J> && P::masked ? load<J>(row) : P::load(row + J * P::width);
  }
  template <Index J>
  void store(T* row, P value) const {
    if constexpr (cut<J>) {
      value.store_partial(row + J * P::width, last);
    } else {
      value.store(row + J * P::width);
    }
  }
};

/// Rows a, a + stride, ... through few pointers: an instruction can name four rows from each.
template <class T, Index R>
class RowPointers {
 public:
  RowPointers(const T* a, Index stride) : stride_(stride) {
    for (std::size_t i = 0; i < first_.size(); ++i) {
      first_[i] = a + static_cast<Index>(i) * 4 * stride;
    }
  }
  template <Index Row>
  T get() const {
    return first_[Row / 4][Row % 4 * stride_];
  }
  void advance(Index step) {
    for (auto& pointer : first_) {
      pointer += step;
    }
  }

 private:
  std::array<const T*, static_cast<std::size_t>((R + 3) / 4)> first_;
  Index stride_;
};

/// The rows of a panel of B, or of several panels side by side, one after the other.
template <class T>
struct PanelRows {
  const T* row;
  Index stride;
  Index panel_stride;

  template <Index J, class Columns>
  Packet<T> load(const Columns& columns) const {
    constexpr Index panel = J / Tile<T>::vectors;
    return columns.template load_b<J>(row + panel * (panel_stride - Tile<T>::columns));
  }
  void advance() { row += stride; }
};

/// The rows of a panel of B that is not packed yet: each is copied to its packed place as it
/// passes.
template <class T>
struct PackingRows {
  const T* row;
  Index stride;
  T* packed;

  template <Index J, class Columns>
  Packet<T> load(const Columns& columns) const {
    constexpr Index ahead = 16;
    constexpr Index at = J * Packet<T>::width;
    CNNRNN_PREFETCH(row + ahead * stride + at, 0, 3);
    const auto vector = columns.template load_b<J>(row);
    vector.store(packed + at);
    return vector;
  }
  void advance() {
    row += stride;
    packed += Tile<T>::columns;
  }
};

/// c (R, columns) = start + a (R, depth) b (depth, columns), each element summed in the order of
/// the depth.
template <Index R, class T, Index V, bool Partial, class RowsOfB>
void gemm_microkernel(Index depth, const MatrixView<T>& a, RowsOfB b,
                      TileColumns<T, V, Partial> columns, const GemmOutput<T>& c) {
  using P = Packet<T>;
  const auto start = c.accumulate ? TileStart<T>{c.data, c.row_stride} : TileStart<T>{c.bias, 0};
  P sum[static_cast<std::size_t>(R)][static_cast<std::size_t>(V)];
  unroll<R>([&](auto i) {
    unroll<V>([&](auto v) {
      sum[i][v] = start.data != nullptr
                      ? columns.template load<v>(start.data + i * start.row_stride)
                      : P::zero();
    });
  });
  RowPointers<T, R> rows(a.data, a.row_stride);
  for (Index k = 0; k < depth; ++k, b.advance(), rows.advance(a.column_stride)) {
    P row_of_b[static_cast<std::size_t>(V)];
    unroll<V>([&](auto v) { row_of_b[v] = b.template load<v>(columns); });
    unroll<R>([&](auto i) {
      const P element_of_a = P::set(rows.template get<i>());
      unroll<V>([&](auto v) { sum[i][v] = multiply_add(element_of_a, row_of_b[v], sum[i][v]); });
    });
  }
  if (c.relu) {
    unroll<R>([&](auto i) { unroll<V>([&](auto v) { sum[i][v] = relu(sum[i][v]); }); });
  }
  unroll<R>([&](auto i) {
    unroll<V>([&](auto v) { columns.template store<v>(c.data + i * c.row_stride, sum[i][v]); });
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
