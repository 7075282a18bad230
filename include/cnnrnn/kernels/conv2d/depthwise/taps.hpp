#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"

// A convolution seen from its result: which elements of the source a pixel of the result reads.
//
//   tap     an element of the kernel
//   phase   pixels of the result, a stride apart, that read the source by the same taps

CNNRNN_KERNELS_BEGIN

namespace detail {

/// One axis of a convolution seen from y, or, `transposed`, from dx, whose source is dy.
struct TapAxis {
  Index result, source;  ///< sizes
  Index kernel, stride, padding, dilation;
  bool transposed;

  Index phases() const { return transposed ? stride : 1; }
  /// From what a pixel reads to what the next one of its phase reads.
  Index step() const { return transposed ? 1 : stride; }
  /// The pixels of a phase.
  Index count(Index phase) const { return (result - phase + phases() - 1) / phases(); }

  /// What the first pixel of a phase reads at a tap: a place that may lie outside of the source, or
  /// nothing.
  std::optional<Index> first(Index phase, Index tap) const {
    if (!transposed) {
      return tap * dilation - padding;
    }
    const Index reach = phase + padding - tap * dilation;
    return reach % stride == 0 ? std::optional(reach / stride) : std::nullopt;
  }

  /// What pixel `pixel` reads at a tap, if that is in the source.
  std::optional<Index> place(Index pixel, Index tap) const {
    const auto begin = first(pixel % phases(), tap);
    const Index at = begin ? *begin + pixel / phases() * step() : -1;
    return at >= 0 && at < source ? std::optional(at) : std::nullopt;
  }
};

struct TapAxes {
  TapAxis rows, columns;
};

/// The axes of a convolution seen from y.
inline TapAxes forward_axes(const Conv2dDims& d) {
  return {{d.oh(), d.h, d.kernel.h, d.stride.h, d.padding.h, d.dilation.h, false},
          {d.ow(), d.w, d.kernel.w, d.stride.w, d.padding.w, d.dilation.w, false}};
}

/// The axes of a convolution seen from dx.
inline TapAxes backward_axes(const Conv2dDims& d) {
  return {{d.h, d.oh(), d.kernel.h, d.stride.h, d.padding.h, d.dilation.h, true},
          {d.w, d.ow(), d.kernel.w, d.stride.w, d.padding.w, d.dilation.w, true}};
}

/// A tap of an axis, and what pixel 0 of a phase reads at it.
struct AxisTap {
  Index tap, first;

  friend bool operator==(const AxisTap&, const AxisTap&) = default;
};

/// From the first place of an axis to behind the last one.
struct Places {
  Index begin, end;

  Index count() const { return end - begin; }
};

/// The taps at which the pixels of a phase read something, in or outside of the source. Taps that
/// can be joined in runs stand one behind the other.
inline std::vector<AxisTap> taps_of_phase(const TapAxis& axis, Index phase) {
  std::vector<AxisTap> taps;
  for (Index j = 0; j < axis.kernel; ++j) {
    if (const auto first = axis.first(phase, j)) {
      taps.push_back({j, *first});
    }
  }
  const Index step = axis.step();
  const Index above = (axis.padding / step + 1) * step;  // makes all of them positive
  std::ranges::sort(taps, {}, [&](const AxisTap& tap) {
    return std::pair((tap.first + above) % step, tap.first);
  });
  return taps;
}

/// The pixels of a phase that read nothing outside of `places`; none if the end is not behind the
/// beginning.
inline Places pixels_inside(const TapAxis& axis, Index phase, const std::vector<AxisTap>& taps,
                            const Places& places) {
  Places inside{0, axis.count(phase)};
  for (const AxisTap& tap : taps) {
    const auto pixels_before = [&](Index place) {
      return std::max<Index>(0, (place - tap.first + axis.step() - 1) / axis.step());
    };
    inside.begin = std::max(inside.begin, pixels_before(places.begin));
    inside.end = std::min(inside.end, pixels_before(places.end));
  }
  return inside;
}

/// Taps one behind the other: pixel t reads at tap j what pixel t + j reads at tap 0.
struct TapRun {
  Index column;               ///< the column that pixel 0 would read at tap 0
  Index source;               ///< the element there
  Index weight, weight_step;  ///< where the taps' weights lie
  Index length;

  /// The longest run: its weights stay in registers beside the sums of a tile.
  static constexpr Index most = vector_registers == 32 ? 5 : 3;
  /// The longest run of most kernels. Tiles that know of no longer ones are faster.
  static constexpr Index usual = 3;
};

/// What the pixels of a row read of the source.
template <class T>
struct SourceRow {
  const T* data;
  Index step;                  ///< from what a pixel reads to what the next one reads
  Index column_step, columns;  ///< the same in columns, and how many there are

  /// What a pixel reads at the first tap of a run, and in which column.
  const T* at(const TapRun& run, Index pixel) const { return data + run.source + pixel * step; }
  Index column(const TapRun& run, Index pixel) const { return run.column + pixel * column_step; }
  bool has(Index column) const { return column >= 0 && column < columns; }

  /// The same row from `offset` elements further on.
  SourceRow from(Index offset) const { return {data + offset, step, column_step, columns}; }
};

/// Adds a tap to the runs: to the last one if it follows, `column_step` columns and `source_step`
/// elements further on.
inline void join_tap(std::vector<TapRun>& runs, const TapRun& tap, Index column_step,
                     Index source_step) {
  if (!runs.empty()) {
    TapRun& run = runs.back();
    const Index step = tap.weight - (run.weight + (run.length - 1) * run.weight_step);
    const bool follows = tap.column == run.column + run.length * column_step &&
                         tap.source == run.source + run.length * source_step;
    if (follows && run.length < TapRun::most && (run.length == 1 || step == run.weight_step)) {
      run.weight_step = step;
      ++run.length;
      return;
    }
  }
  runs.push_back(tap);
}

}  // namespace detail

CNNRNN_KERNELS_END
