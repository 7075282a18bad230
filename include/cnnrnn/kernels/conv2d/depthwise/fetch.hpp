#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/depthwise/plan.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Asks for rows before their turn: tiles go down through the rows, which the machine does not see
/// coming. Only for depthwise convolutions whose source and result are larger than the caches
/// usually are, since asking takes time, and then row by row.
template <class T>
class GroupedFetch {
 public:
  explicit GroupedFetch(const GroupedPlan& plan) : plan_(plan) {
    constexpr Index usual_caches = (24 << 20) / static_cast<Index>(sizeof(T));
    const GroupedView& view = plan.view();
    const Index rows = view.axes.rows.source * view.line() + view.rows() * view.row();
    large_ = view.is_depthwise() && view.n * rows > usual_caches;
  }

  /// How many rows are made at a time, of those that could be.
  Index together(Index most) const { return large_ ? 1 : most; }

  /// The lines of the source (N, H, W, channels) that come behind those that the rows first ...
  /// last - 1 of an image read, as many as there are for so many rows.
  void next_lines(Index image, Index first, Index last, const T* source) const {
    if (large_) {
      const GroupedView& view = plan_.view();
      const Index lines = ((last - first) * view.axes.rows.source + view.rows() - 1) / view.rows();
      const Index next = image * view.axes.rows.source + plan_.lines_read(first, last).end;
      const Index left = view.n * view.axes.rows.source - next;
      fetch_ahead<false, 1>(std::min(lines, left) * view.line(), source + next * view.line());
    }
  }

  /// `count` rows of the result, or of its gradient.
  template <bool Writes = false>
  void rows(Index count, const T* from) const {
    if (large_) {
      fetch_ahead<Writes, 1>(count * plan_.view().row(), from);
    }
  }

 private:
  const GroupedPlan& plan_;
  bool large_;
};

}  // namespace detail

CNNRNN_KERNELS_END
