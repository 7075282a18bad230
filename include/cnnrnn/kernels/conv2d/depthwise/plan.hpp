#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "cnnrnn/kernels/conv2d/depthwise/taps.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// What the rows of a grouped convolution's result read, found once for all images and jobs: most
// rows read by the same taps as the rows above them, some lines further down.
//
//   K   channels of the source in a group

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A grouped convolution seen from its result, y or dx.
struct GroupedView {
  TapAxes axes;
  Index n;
  Index channels, outputs;     ///< of source and result
  Index depth, group_outputs;  ///< the same of a group

  Index rows() const { return axes.rows.result; }
  Index columns() const { return axes.columns.result; }
  Index taps() const { return axes.rows.kernel * axes.columns.kernel; }
  bool is_depthwise() const { return depth == 1 && group_outputs == 1; }
};

inline GroupedView forward_view(const Conv2dDims& d) {
  return {forward_axes(d), d.n, d.c, d.o, d.group_c(), d.group_o()};
}
inline GroupedView backward_view(const Conv2dDims& d) {
  return {backward_axes(d), d.n, d.o, d.c, d.group_o(), d.group_c()};
}

/// From the first place of an axis to behind the last one.
struct Places {
  Index begin, end;

  Index count() const { return end - begin; }
};

/// The columns that the result reads, those outside of the source among them.
inline Places columns_read(const GroupedView& view) {
  const TapAxis& axis = view.axes.columns;
  Places columns{0, axis.source};
  for (Index phase = 0; phase < std::min(axis.phases(), axis.result); ++phase) {
    for (Index j = 0; j < axis.kernel; ++j) {
      if (const auto first = axis.first(phase, j)) {
        const Index last = *first + (axis.count(phase) - 1) * axis.step();
        columns = {std::min(columns.begin, *first), std::max(columns.end, last + 1)};
      }
    }
  }
  return columns;
}

/// How the lines lie that the rows of the result read.
struct SourceLayout {
  Places columns;    ///< with zeros outside of the source, if they reach beyond it
  Index pixel;       ///< from one pixel to the next
  Index depth_step;  ///< from element (k, o) to (k + 1, o)

  Index line() const { return columns.count() * pixel; }
};

/// A row of the result reads lines `first` + lines[i] of the source at the rows `taps`[i] of the
/// kernel; rows with equal taps and lines have one pattern.
struct RowPattern {
  std::vector<Index> taps, lines;

  friend bool operator==(const RowPattern&, const RowPattern&) = default;
};

/// A row of the result: its pattern, and the first and the last line of the source that it reads,
/// none if the last one is above the first.
struct RowPlace {
  Index pattern;
  Index first, last;
};

/// A stretch of pixels, and what those of a row read, for each pattern of rows: from the first line
/// of the row on, sorted by the lengths of runs.
struct StretchRuns {
  Index phase, begin, end;
  std::vector<std::vector<TapRun>> runs;
};

class GroupedPlan {
 public:
  GroupedPlan(const GroupedView& view, const SourceLayout& layout) : view_(view), layout_(layout) {
    for (Index row = 0; row < view.rows(); ++row) {
      rows_.push_back(place_of(row));
    }
    const TapAxis& columns = view.axes.columns;
    const bool padded = layout.columns.count() > columns.source;
    for (Index phase = 0; phase < std::min(columns.phases(), columns.result); ++phase) {
      for (const Stretch& stretch : stretches_of_phase(columns, phase, padded)) {
        StretchRuns with_runs{phase, stretch.begin, stretch.end, {}};
        for (const RowPattern& pattern : patterns_) {
          with_runs.runs.push_back(runs_of(pattern, stretch));
        }
        stretches_.push_back(std::move(with_runs));
      }
    }
  }

  const GroupedView& view() const { return view_; }
  const SourceLayout& layout() const { return layout_; }
  const std::vector<StretchRuns>& stretches() const { return stretches_; }
  const RowPlace& row(Index row) const { return rows_[static_cast<std::size_t>(row)]; }
  const std::vector<TapRun>& runs(const StretchRuns& stretch, const RowPlace& row) const {
    return stretch.runs[static_cast<std::size_t>(row.pattern)];
  }

  /// The lines of the source that the rows first ... last - 1 of the result read.
  Places lines_read(Index first, Index last) const {
    Places lines{view_.axes.rows.source, 0};
    for (Index row = first; row < last; ++row) {
      const RowPlace& place = this->row(row);
      if (place.first <= place.last) {
        lines = {std::min(lines.begin, place.first), std::max(lines.end, place.last + 1)};
      }
    }
    return {std::min(lines.begin, lines.end), lines.end};
  }

 private:
  RowPlace place_of(Index row) {
    RowPattern pattern;
    for (Index i = 0; i < view_.axes.rows.kernel; ++i) {
      if (const auto line = view_.axes.rows.place(row, i)) {
        pattern.taps.push_back(i);
        pattern.lines.push_back(*line);
      }
    }
    Index first = 0;
    Index last = -1;
    if (!pattern.lines.empty()) {
      const auto [least, most] = std::ranges::minmax(pattern.lines);
      first = least;
      last = most;
    }
    for (Index& line : pattern.lines) {
      line -= first;
    }
    auto found = std::ranges::find(patterns_, pattern);
    if (found == patterns_.end()) {
      found = patterns_.insert(patterns_.end(), std::move(pattern));
    }
    return {found - patterns_.begin(), first, last};
  }

  std::vector<TapRun> runs_of(const RowPattern& pattern, const Stretch& stretch) const {
    const TapAxis& columns = view_.axes.columns;
    std::vector<TapRun> runs;
    for (std::size_t i = 0; i < pattern.taps.size(); ++i) {
      for (Index k = 0; k < view_.depth; ++k) {
        for (const auto& [j, first] : stretch.taps) {
          join_tap(runs,
                   pattern.lines[i] * layout_.line() +
                       (first - layout_.columns.begin) * layout_.pixel + k * layout_.depth_step,
                   ((pattern.taps[i] * columns.kernel + j) * view_.depth + k) * view_.outputs,
                   columns.step() * layout_.pixel);
        }
      }
    }
    std::ranges::stable_sort(runs, {}, &TapRun::length);
    return runs;
  }

  GroupedView view_;
  SourceLayout layout_;
  std::vector<RowPattern> patterns_;
  std::vector<RowPlace> rows_;
  std::vector<StretchRuns> stretches_;
};

/// Outputs that are made together: so few that the pixels that a tile reads of all rows of the
/// kernel stay in the first cache from one row of the result to the next.
template <class T>
Index outputs_together(const GroupedView& view, Index pixels) {
  constexpr Index elements = (1 << 14) / static_cast<Index>(sizeof(T));
  const auto& [rows, columns] = view.axes;
  const Index read = rows.kernel * (pixels * columns.step() + columns.kernel * columns.dilation);
  constexpr Index step = 8 * Packet<T>::width;
  return std::max<Index>(1, elements / read / step) * step;
}

}  // namespace detail

CNNRNN_KERNELS_END
