#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/fetch.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/row.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/source.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"

// Depthwise convolutions, and grouped ones whose groups are narrower than a packet: a loop over
// packets of outputs, for any kernel, stride, dilation and channel multiplier.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The result of a grouped convolution.
template <class T>
class GroupedResult {
 public:
  /// Starting from the bias of `start`, or accumulating.
  GroupedResult(const GroupedView& view, const T* from, const ConvOutput<T>& start)
      : view_(view),
        plan_(view, grouped_layout<T>(view)),
        spread_(view),
        from_(from),
        start_(start) {}

  const GroupedPlan& plan() const { return plan_; }

  /// Makes some columns of the rows first ... last - 1 of an image, with packed weights, the rows
  /// from `to` on.
  void make(Index image, Index first, Index last, const Places& part, const T* packed,
            T* to) const {
    const TapAxis& rows = view_.axes.rows;
    const TapAxis& columns = view_.axes.columns;
    const T* const source = from_ + image * rows.source * columns.source * view_.channels;
    for_grouped_outputs(
        plan_, spread_, source, first, last, [&](const T* read, Index line, Index o, Index count) {
          for (const PhaseRuns& phase : plan_.phases()) {
            const DepthwiseRow<T> row{.source = source_row(plan_, read),
                                      .weight = packed + o,
                                      .to = to + phase.phase * view_.outputs + o,
                                      .to_step = columns.phases() * view_.outputs,
                                      .channels = count,
                                      .bias = start_.bias != nullptr ? start_.bias + o : nullptr,
                                      .accumulate = start_.accumulate};
            plan_.for_tiles(phase, part, most_pixels, [&](Index t, Index pixels, bool edge) {
              make_tiles(row, phase, line, first, last, t, pixels, edge);
            });
          }
        });
  }

 private:
  /// The tiles of `pixels` pixels from pixel t on of all rows, one below the other. `row` is the
  /// first one, which reads the source from line `line` on.
  void make_tiles(const DepthwiseRow<T>& row, const PhaseRuns& phase, Index line, Index first,
                  Index last, Index t, Index pixels, bool edge) const {
    const Index together = outputs_together<T>(view_, pixels);
    for (Index c = 0; c < row.channels; c += together) {
      const Index count = std::min(together, row.channels - c);
      for (Index r = first; r < last; ++r) {
        const RowPlace& place = plan_.row(r);
        depthwise_pixels(row.part((place.first - line) * plan_.layout().line(),
                                  (r - first) * view_.columns() * view_.outputs, c, count),
                         std::span(plan_.runs(phase, place)), t, pixels, edge);
      }
    }
  }

  GroupedView view_;
  GroupedPlan plan_;
  GroupSpread<T> spread_;
  const T* from_;
  ConvOutput<T> start_;
};

/// The jobs that make the result: what one reads and writes stays in the second cache.
template <class T>
struct GroupedJobs {
  explicit GroupedJobs(const GroupedView& view) : parts(view, elements), count(0), block(1) {
    count = view.n * view.rows() * parts.parts;
    if (parts.parts == 1) {
      const Index width = view.is_depthwise()
                              ? view.outputs
                              : std::max(view.outputs, view.depth * Packet<T>::width);
      const Index rows = elements / std::max<Index>(1, view.columns() * width);
      block = std::clamp<Index>(rows, 1, std::max<Index>(1, (count + 1) / 2));
    }
  }

  static constexpr Index elements = (1 << 17) / static_cast<Index>(sizeof(T));
  RowParts parts;
  Index count;  ///< of parts of rows
  Index block;  ///< of them in a job

  Index blocks() const { return (count + block - 1) / block; }
};

template <class T>
void grouped_convolve(const GroupedView& view, const T* from, const T* packed,
                      const ConvOutput<T>& to) {
  const GroupedResult<T> result(view, from, to);
  const GroupedJobs<T> jobs(view);
  const GroupedFetch<T> fetch(result.plan());
  parallel_for(jobs.count, jobs.block, [&](Index begin, Index end) {
    const auto make = [&](Index image, Index first, Index last, const Places& part) {
      const Index row = image * view.rows() + first;
      T* const rows = to.data + row * view.row();
      fetch.next_lines(image, first, last, from);
      fetch.template rows<true>(last - first, rows);
      result.make(image, first, last, part, packed, rows);
    };
    jobs.parts.for_rows(begin, end, fetch.together(jobs.block), make);
    to.finish(begin / jobs.block, jobs.parts.pixels_before(begin), jobs.parts.pixels_before(end));
  });
}

}  // namespace detail

/// How many blocks the output of depthwise_convolve has.
template <class T>
Index depthwise_blocks(const Conv2dDims& d) {
  return detail::GroupedJobs<T>(detail::forward_view(d)).blocks();
}

/// Weights (KH KW, C / groups, O) from (O, C / groups, KH, KW), those of each output times its
/// scale unless that is null.
template <class T>
Tensor<T> depthwise_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  Tensor<T> packed({d.taps(), d.group_c(), d.o});
  T* to = packed.mutable_data();
  for (Index tap = 0; tap < d.taps(); ++tap) {
    for (Index k = 0; k < d.group_c(); ++k) {
      for (Index o = 0; o < d.o; ++o) {
        const T value = weight[(o * d.group_c() + k) * d.taps() + tap];
        *to++ = scale != nullptr ? value * scale[o] : value;
      }
    }
  }
  return packed;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
template <class T>
void depthwise_convolve(const Conv2dDims& d, const T* x, const T* packed, const ConvOutput<T>& y) {
  detail::grouped_convolve(detail::forward_view(d), x, packed, y);
}

/// dx (N, H, W, C) = what dy (N, OH, OW, O) owes to each input.
template <class T>
void depthwise_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                              GradientSpan<T> dx) {
  Tensor<T> packed({d.taps(), d.group_o(), d.c});
  T* to = packed.mutable_data();
  for (Index tap = 0; tap < d.taps(); ++tap) {
    for (Index k = 0; k < d.group_o(); ++k) {
      for (Index c = 0; c < d.c; ++c) {
        const Index o = c / d.group_c() * d.group_o() + k;
        *to++ = weight[(o * d.group_c() + c % d.group_c()) * d.taps() + tap];
      }
    }
  }
  detail::grouped_convolve(detail::backward_view(d), dy, packed.data(),
                           ConvOutput<T>{dx.data(), d.c, dx.accumulate});
}

CNNRNN_KERNELS_END
