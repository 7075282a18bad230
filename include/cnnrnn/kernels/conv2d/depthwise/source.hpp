#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "cnnrnn/core/permutation.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/plan.hpp"

// A grouped convolution is a depthwise one of a source that was spread: of a pixel, element (k, o)
// is channel k of the group that output o is in. Groups of a few channels fill a packet of outputs
// together, and are spread for that packet alone, by a permutation of the elements of a packet.
//
//   packet  outputs that are made together, of whole groups

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Spreads the source for packets of outputs.
template <class T>
class GroupSpread {
 public:
  static constexpr Index width = Packet<T>::width;

  explicit GroupSpread(const GroupedView& view)
      : view_(view), groups_(width / std::max(view.depth, view.group_outputs)) {
    for (Index k = 0; k < view.depth; ++k) {
      std::array<Index, static_cast<std::size_t>(width)> from{};
      for (Index lane = 0; lane < groups_ * view.group_outputs; ++lane) {
        from[static_cast<std::size_t>(lane)] = lane / view.group_outputs * view.depth + k;
      }
      orders_.emplace_back(from);
    }
  }

  /// Outputs of a packet, the last of which may have fewer.
  Index packet() const { return groups_ * view_.group_outputs; }

  /// to (lines, columns, K, width) = lines of an image (H, W, channels) for the packet from output
  /// o on, with the zeros around them that are read.
  void spread(const SourceLayout& layout, const Places& lines, const T* image, Index o,
              T* to) const {
    const Index width_of_image = view_.axes.columns.source;
    const Index left = -layout.columns.begin;
    const Index right = layout.columns.end - width_of_image;
    for (Index line = lines.begin; line < lines.end; ++line) {
      to = std::fill_n(to, left * layout.pixel, T(0));
      to = spread_pixels(width_of_image, image + line * width_of_image * view_.channels, o, to);
      to = std::fill_n(to, right * layout.pixel, T(0));
    }
  }

 private:
  /// Spreads pixels, and returns where the next one goes.
  T* spread_pixels(Index pixels, const T* from, Index o, T* to) const {
    const Index group = o / view_.group_outputs;
    const Index count = std::min(groups_ * view_.depth, view_.channels - group * view_.depth);
    from += group * view_.depth;
    for (Index pixel = 0; pixel < pixels; ++pixel, from += view_.channels) {
      const auto packet = Packet<T>::load_partial(from, count);
      for (const Permutation<T>& order : orders_) {
        order(packet).store(to);
        to += width;
      }
    }
    return to;
  }

  GroupedView view_;
  Index groups_;
  std::vector<Permutation<T>> orders_;
};

/// Where the source lies: the image itself, or spread, with the zeros that are read around it.
template <class T>
SourceLayout grouped_layout(const GroupedView& view) {
  if (view.is_depthwise()) {
    return {{0, view.axes.columns.source}, view.channels, 0};
  }
  return {columns_read(view), view.depth * Packet<T>::width, Packet<T>::width};
}

/// A row that lies at `data`.
template <class T>
SourceRow<T> source_row(const GroupedPlan& plan, const T* data) {
  const Index step = plan.view().axes.columns.step();
  const SourceLayout& layout = plan.layout();
  return {data, step * layout.pixel, step, layout.columns.count()};
}

/// Calls body(source, line, o, count) for the packets of outputs o ... o + count - 1 of the rows
/// first ... last - 1 of an image (H, W, channels): with the source from line `line` on, spread if
/// it must be.
template <class T, class Body>
void for_grouped_outputs(const GroupedPlan& plan, const GroupSpread<T>& spread, const T* image,
                         Index first, Index last, const Body& body) {
  const GroupedView& view = plan.view();
  if (view.is_depthwise()) {
    body(image, Index(0), Index(0), view.outputs);
    return;
  }
  const Places lines = plan.lines_read(first, last);
  const ThreadScratch<T> scratch(lines.count() * plan.layout().line());
  for (Index o = 0; o < view.outputs; o += spread.packet()) {
    spread.spread(plan.layout(), lines, image, o, scratch.data());
    body(scratch.data(), lines.begin, o, std::min(spread.packet(), view.outputs - o));
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
