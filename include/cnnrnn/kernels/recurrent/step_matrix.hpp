#pragma once

#include <vector>

#include "cnnrnn/kernels/gemm/product.hpp"

CNNRNN_KERNELS_BEGIN

/// Weights that every step multiplies with, B (K, groups columns): packed, or where they lie. Where
/// it costs next to nothing, each group of columns, a gate, is packed on its own, so that threads
/// can share the units.
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
  bool shareable() const { return std::ssize(packed_) == groups_; }

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
    Index column = 0;
    for (const PackedB<T>& part : packed_) {
      const Index begin = shareable() ? first : 0;
      const bool last = &part == &packed_.back();
      detail::gemm_packed(rows, begin, shareable() ? count : part.n(), a, part,
                          c.shifted(0, column + begin), last ? after : nullptr);
      column += part.n();
    }
  }

 private:
  /// Whole panels, or so many that it does not matter that the last one is not full.
  static bool splits(Index columns) {
    return columns % unit == 0 ||
           (columns >= 4 * unit && 20 * round_up(columns, Packet<T>::width) <= 21 * columns);
  }

  Index groups_;
  Index columns_;
  Index k_;
  MatrixView<T> in_place_;
  std::vector<PackedB<T>> packed_;
};

CNNRNN_KERNELS_END
