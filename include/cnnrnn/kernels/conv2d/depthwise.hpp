#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
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
  GroupedResult(const GroupedView& view, const T* from, const T* packed, const ConvOutput<T>& to)
      : view_(view),
        plan_(view, grouped_layout<T>(view)),
        spread_(view),
        from_(from),
        packed_(packed),
        to_(to) {}

  /// Makes the rows first ... last - 1 of an image.
  void make(Index image, Index first, Index last) const {
    const TapAxis& rows = view_.axes.rows;
    const TapAxis& columns = view_.axes.columns;
    const T* const source = from_ + image * rows.source * columns.source * view_.channels;
    T* const to = to_.data + image * rows.result * columns.result * view_.outputs;
    for_grouped_outputs(
        plan_, spread_, source, first, last, [&](const T* read, Index line, Index o, Index count) {
          for (const StretchRuns& stretch : plan_.stretches()) {
            const DepthwiseRow<T> row{.source = read,
                                      .source_step = columns.step() * plan_.layout().pixel,
                                      .weight = packed_ + o,
                                      .to = to + stretch.phase * view_.outputs + o,
                                      .to_step = columns.phases() * view_.outputs,
                                      .channels = count,
                                      .bias = to_.bias != nullptr ? to_.bias + o : nullptr,
                                      .accumulate = to_.accumulate};
            Index t = stretch.begin;
            take_pixels<8>(row, stretch, line, first, last, t);
            take_pixels<4>(row, stretch, line, first, last, t);
            take_pixels<2>(row, stretch, line, first, last, t);
            take_pixels<1>(row, stretch, line, first, last, t);
          }
        });
  }

 private:
  /// Tiles of `Pixels` pixels from pixel t on, while there are so many: in all rows, one below the
  /// other, before the next tile. `row` is row 0, which reads the source from line `line` on.
  template <Index Pixels>
  void take_pixels(const DepthwiseRow<T>& row, const StretchRuns& stretch, Index line, Index first,
                   Index last, Index& t) const {
    const Index together = outputs_together<T>(view_, Pixels);
    for (; t + Pixels <= stretch.end; t += Pixels) {
      for (Index c = 0; c < row.channels; c += together) {
        const Index count = std::min(together, row.channels - c);
        for (Index r = first; r < last; ++r) {
          const RowPlace& place = plan_.row(r);
          const std::span<const TapRun> runs = plan_.runs(stretch, place);
          const bool usual = runs.empty() || runs.back().length <= TapRun::usual;
          const auto make = usual ? depthwise_pixels<Pixels, TapRun::usual, T>
                                  : depthwise_pixels<Pixels, TapRun::most, T>;
          make(row.part((place.first - line) * plan_.layout().line(),
                        r * view_.columns() * view_.outputs, c, count),
               runs, t);
        }
      }
    }
  }

  GroupedView view_;
  GroupedPlan plan_;
  GroupSpread<T> spread_;
  const T* from_;
  const T* packed_;
  ConvOutput<T> to_;
};

/// Rows of the result that a job makes: what they read and write stays in the second cache.
template <class T>
Index grouped_block(const GroupedView& view) {
  constexpr Index elements = (1 << 17) / static_cast<Index>(sizeof(T));
  const Index width =
      view.is_depthwise() ? view.outputs : std::max(view.outputs, view.depth * Packet<T>::width);
  const Index rows = elements / std::max<Index>(1, view.columns() * width);
  return std::clamp<Index>(rows, 1, std::max<Index>(1, (view.n * view.rows() + 1) / 2));
}

template <class T>
void grouped_convolve(const GroupedView& view, const T* from, const T* packed,
                      const ConvOutput<T>& to) {
  const GroupedResult<T> result(view, from, packed, to);
  const Index block = grouped_block<T>(view);
  parallel_for(view.n * view.rows(), block, [&](Index begin, Index end) {
    for (Index row = begin; row < end;) {
      const Index first = row % view.rows();
      const Index last = std::min(view.rows(), first + end - row);
      result.make(row / view.rows(), first, last);
      row += last - first;
    }
    to.finish(begin / block, begin * view.columns(), end * view.columns());
  });
}

}  // namespace detail

/// How many blocks the output of depthwise_convolve has.
template <class T>
Index depthwise_blocks(const Conv2dDims& d) {
  const Index block = detail::grouped_block<T>(detail::forward_view(d));
  return (d.n * d.oh() + block - 1) / block;
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
