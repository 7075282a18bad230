#pragma once

#include <algorithm>
#include <iterator>
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
  /// Elements of a row of the source, and of the result.
  Index line() const { return axes.columns.source * channels; }
  Index row() const { return columns() * outputs; }
  bool is_depthwise() const { return depth == 1 && group_outputs == 1; }
};

/// Images of one column are ones of one row, if the kernel is a column too.
inline TapAxes along_rows(const TapAxes& axes) {
  const TapAxis& columns = axes.columns;
  const bool column = columns.source == 1 && columns.result == 1 && columns.kernel == 1;
  return column && columns.padding == 0 ? TapAxes{axes.columns, axes.rows} : axes;
}

inline GroupedView forward_view(const Conv2dDims& d) {
  return {along_rows(forward_axes(d)), d.n, d.c, d.o, d.group_c(), d.group_o()};
}
inline GroupedView backward_view(const Conv2dDims& d) {
  return {along_rows(backward_axes(d)), d.n, d.o, d.c, d.group_o(), d.group_c()};
}

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

/// The pixels of a phase and what those of a row read, for each pattern of rows: from the first
/// line of the row on, sorted by the lengths of runs.
struct PhaseRuns {
  Index phase;
  Places inside;  ///< the pixels that read no column outside of the source
  std::vector<std::vector<TapRun>> runs;
};

class GroupedPlan {
 public:
  GroupedPlan(const GroupedView& view, const SourceLayout& layout) : view_(view), layout_(layout) {
    for (Index row = 0; row < view.rows(); ++row) {
      rows_.push_back(place_of(row));
    }
    const TapAxis& columns = view.axes.columns;
    for (Index phase = 0; phase < std::min(columns.phases(), columns.result); ++phase) {
      const auto taps = taps_of_phase(columns, phase);
      PhaseRuns with_runs{phase, pixels_inside(columns, phase, taps, layout.columns), {}};
      for (const RowPattern& pattern : patterns_) {
        with_runs.runs.push_back(runs_of(pattern, taps));
      }
      phases_.push_back(std::move(with_runs));
    }
  }

  const GroupedView& view() const { return view_; }
  const SourceLayout& layout() const { return layout_; }
  const std::vector<PhaseRuns>& phases() const { return phases_; }
  const RowPlace& row(Index row) const { return rows_[static_cast<std::size_t>(row)]; }
  const std::vector<TapRun>& runs(const PhaseRuns& phase, const RowPlace& row) const {
    return phase.runs[static_cast<std::size_t>(row.pattern)];
  }

  /// Calls body(t, count, edge) for tiles of about equal numbers of pixels, at most `most`, of a
  /// phase and some columns of the result; at an edge, some of what they read is outside of the
  /// source.
  template <class Body>
  void for_tiles(const PhaseRuns& phase, const Places& columns, Index most,
                 const Body& body) const {
    const Index phases = view_.axes.columns.phases();
    const auto pixels_before = [&](Index column) {
      return std::max<Index>(0, (column - phase.phase + phases - 1) / phases);
    };
    const Index first = pixels_before(columns.begin);
    const Index count = pixels_before(columns.end) - first;
    const Index tiles = (count + most - 1) / most;
    for (Index i = 0; i < tiles; ++i) {
      const Index begin = first + i * count / tiles;
      const Index end = first + (i + 1) * count / tiles;
      body(begin, end - begin, begin < phase.inside.begin || end > phase.inside.end);
    }
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

  std::vector<TapRun> runs_of(const RowPattern& pattern, const std::vector<AxisTap>& taps) const {
    const TapAxis& columns = view_.axes.columns;
    std::vector<TapRun> runs;
    for (std::size_t i = 0; i < pattern.taps.size(); ++i) {
      for (Index k = 0; k < view_.depth; ++k) {
        for (const auto& [j, first] : taps) {
          const Index column = first - layout_.columns.begin;
          const TapRun tap{
              .column = column,
              .source = pattern.lines[i] * layout_.line() + column * layout_.pixel +
                        k * layout_.depth_step,
              .weight = ((pattern.taps[i] * columns.kernel + j) * view_.depth + k) * view_.outputs,
              .weight_step = 0,
              .length = 1};
          join_tap(runs, tap, columns.step(), columns.step() * layout_.pixel);
        }
      }
    }
    std::vector<TapRun> by_length;
    for (Index length = 1; by_length.size() < runs.size(); ++length) {
      std::ranges::copy_if(runs, std::back_inserter(by_length),
                           [&](const TapRun& run) { return run.length == length; });
    }
    return by_length;
  }

  GroupedView view_;
  SourceLayout layout_;
  std::vector<RowPattern> patterns_;
  std::vector<RowPlace> rows_;
  std::vector<PhaseRuns> phases_;
};

/// The rows of a grouped convolution's result, as jobs share them: images of one row are cut into
/// parts of it, of about `elements` elements each, so that there is something to share.
struct RowParts {
  RowParts(const GroupedView& view, Index elements)
      : rows(view.rows()), columns(view.columns()), parts(1) {
    if (rows == 1 && view.is_depthwise()) {
      parts = std::clamp<Index>(columns * view.outputs / elements, 1, columns);
    }
  }

  /// The pixels before part `at` of all images.
  Index pixels_before(Index at) const {
    return at / parts * columns + at % parts * columns / parts;
  }

  /// Calls body(image, first, last, columns) for these columns of the rows first ... last - 1 of an
  /// image, at most `most` rows at a time: all of the parts begin ... end - 1.
  template <class Body>
  void for_rows(Index begin, Index end, Index most, const Body& body) const {
    while (begin < end) {
      const Index row = begin / parts;
      const Index first = row % rows;
      const Index last = std::min({rows, first + end - begin, first + most});
      const Index before = row * columns;
      body(row / rows, first, last,
           Places{pixels_before(begin) - before, pixels_before(begin + 1) - before});
      begin += last - first;
    }
  }

  Index rows, columns;
  Index parts;  ///< of a row
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
