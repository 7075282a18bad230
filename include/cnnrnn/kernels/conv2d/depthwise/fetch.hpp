#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/depthwise/plan.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Asks for rows before their turn: tiles go down through the rows, which the machine does not see
/// coming. Only where source and result are larger than the caches usually are, for asking takes
/// time.
template <class T>
class GroupedFetch {
 public:
  explicit GroupedFetch(const GroupedPlan& plan) : plan_(plan) {
    constexpr Index usual_caches = (16 << 20) / static_cast<Index>(sizeof(T));
    const GroupedView& view = plan.view();
    large_ =
        view.n * (view.axes.rows.source * view.line() + view.rows() * view.row()) > usual_caches;
  }

  /// As many lines of the source (N, H, W, channels) as the rows first ... last - 1 of an image
  /// read, from behind these on.
  void next_lines(Index image, Index first, Index last, const T* source) const {
    if (large_) {
      const GroupedView& view = plan_.view();
      const Places read = plan_.lines_read(first, last);
      const Index next = image * view.axes.rows.source + read.end;
      const Index left = view.n * view.axes.rows.source - next;
      fetch_ahead(std::min(read.count(), left) * view.line(), source + next * view.line());
    }
  }

  /// `count` rows of the result, or of its gradient.
  template <bool Writes = false>
  void rows(Index count, const T* from) const {
    if (large_) {
      fetch_ahead<Writes>(count * plan_.view().row(), from);
    }
  }

 private:
  const GroupedPlan& plan_;
  bool large_;
};

}  // namespace detail

CNNRNN_KERNELS_END
