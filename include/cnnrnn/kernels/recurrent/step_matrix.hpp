#pragma once

#include <vector>

#include "cnnrnn/kernels/gemm/product.hpp"

CNNRNN_KERNELS_BEGIN

/// Weights that every step multiplies with, B (K, groups columns): packed, or where they lie. A
/// group is a gate, and threads can share the columns of each if it begins a panel: of itself, or
/// because it is packed on its own where that costs next to nothing.
template <class T>
class StepMatrix {
 public:
  StepMatrix(Index groups, Index columns, Index k, MatrixView<T> b, bool packs)
      : groups_(groups), columns_(columns), k_(k), in_place_(b) {
    const Index parts = !packs ? 0 : splits(columns) ? groups : 1;
    for (Index part = 0; part < parts; ++part) {
      packed_.emplace_back(groups / parts * columns, k, b.shifted(0, part * columns));
    }
  }

  /// Where a share of the units may begin: at multiples of this.
  static constexpr Index unit = Tile<T>::columns;

  bool packed() const { return !packed_.empty(); }
  bool shareable() const {
    return packed() && (std::ssize(packed_) == groups_ || columns_ % unit == 0);
  }

  /// c (rows, groups columns) = or += a (rows, K) B, of the columns first ... first + count - 1 of
  /// each group, or of all if B is not shareable; `after` as of gemm.
  void multiply(Index rows, Index first, Index count, const MatrixView<T>& a,
                const GemmOutput<T>& c, const T* after = nullptr) const {
    if (k_ == 0) {
      for (Index group = 0; group < groups_; ++group) {
        detail::gemm_empty(rows, count, c.shifted(0, group * columns_ + first));
      }
      return;
    }
    if (packed_.empty()) {
      gemm<T>(rows, groups_ * columns_, k_, a, in_place_, c);
      return;
    }
    if (count == columns_ && std::ssize(packed_) == 1) {
      detail::gemm_packed(rows, Index(0), packed_.front().n(), a, packed_.front(), c, after);
      return;
    }
    const Index parts = std::ssize(packed_);
    for (Index group = 0; group < groups_; ++group) {
      const PackedB<T>& part = packed_[static_cast<std::size_t>(parts == 1 ? 0 : group)];
      const Index column = group * columns_ + first;
      detail::gemm_packed(rows, parts == 1 ? column : first, count, a, part, c.shifted(0, column),
                          group + 1 == groups_ ? after : nullptr);
    }
  }

 private:
  /// Whether the columns fill so many panels that it does not matter that the last one is not full.
  static bool splits(Index columns) {
    return columns % unit != 0 && columns >= 4 * unit &&
           20 * round_up(columns, Packet<T>::width) <= 21 * columns;
  }

  Index groups_;
  Index columns_;
  Index k_;
  MatrixView<T> in_place_;
  std::vector<PackedB<T>> packed_;
};

CNNRNN_KERNELS_END
