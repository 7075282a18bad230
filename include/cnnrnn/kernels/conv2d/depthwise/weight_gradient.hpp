#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/source.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A row of dy and the source that its pixels read, for the sums of the weights' gradients.
template <class T>
struct DepthwiseGradientRow {
  const T* source;
  Index source_step;
  const T* dy;
  Index dy_step;
  Index channels;
  T* sums;

  /// `count` channels of a row that reads `read`, whose dy lies `offset` elements further on.
  DepthwiseGradientRow part(Index read, Index offset, Index first, Index count) const {
    return {source + read + first, source_step, dy + offset + first, dy_step, count, sums + first};
  }
};

/// A packet of the sums of `Runs` runs of `Length` taps: plus source times dy of `count` pixels
/// from pixel t on. What a tap reads for one pixel, the tap before it reads for the next.
template <Index Runs, Index Length, class T, class Lanes>
[[gnu::always_inline]] inline void depthwise_gradient_tile(const DepthwiseGradientRow<T>& row,
                                                           const TapRun* runs, Index t, Index count,
                                                           const Lanes& lanes) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Runs)][static_cast<std::size_t>(Length)];
  P x[static_cast<std::size_t>(Runs)][static_cast<std::size_t>(Length)];
  const T* from[static_cast<std::size_t>(Runs)];
  unroll<Runs>([&](auto r) {
    from[r] = row.source + runs[r].source + t * row.source_step;
    unroll<Length>([&](auto j) {
      sum[r][j] = lanes.load(row.sums + runs[r].weight + j * runs[r].weight_step);
      if constexpr (j + 1 < Length) {
        x[r][j] = lanes.load(from[r] + j * row.source_step);
      }
    });
    from[r] += (Length - 1) * row.source_step;
  });
  const T* dy = row.dy + t * row.dy_step;
  for (Index q = 0; q < count; ++q, dy += row.dy_step) {
    const P gradient = lanes.load(dy);
    unroll<Runs>([&](auto r) {
      x[r][Length - 1] = lanes.load(from[r]);
      from[r] += row.source_step;
      unroll<Length>([&](auto j) {
        sum[r][j] = multiply_add(x[r][j], gradient, sum[r][j]);
        if constexpr (j > 0) {
          x[r][j - 1] = x[r][j];
        }
      });
    });
  }
  unroll<Runs>([&](auto r) {
    unroll<Length>([&](auto j) {
      lanes.store(row.sums + runs[r].weight + j * runs[r].weight_step, sum[r][j]);
    });
  });
}

/// Some runs of one length of `count` pixels from pixel t on, packet after packet of channels.
template <Index Runs, Index Length, class T>
[[gnu::flatten, gnu::noinline]] void depthwise_gradient_runs(const DepthwiseGradientRow<T>& row,
                                                             const TapRun* runs, Index t,
                                                             Index count) {
  for_each_lanes<T>(row.channels, [=](const auto& lanes) {
    depthwise_gradient_tile<Runs, Length>(row, runs, t, count, lanes);
  });
}

/// All runs of one length of `count` pixels from pixel t on: as many at a time as keep their sums
/// and what they read in registers.
template <Index Length, class T>
void depthwise_gradient_length(const DepthwiseGradientRow<T>& row, std::span<const TapRun> runs,
                               Index t, Index count) {
  constexpr Index most = std::clamp<Index>((vector_registers - 2) / (2 * Length), 1, 4);
  const TapRun* run = runs.data();
  Index left = std::ssize(runs);
  unroll<most>([&](auto fewer) {
    constexpr Index together = most - fewer;
    for (; left >= together; left -= together, run += together) {
      depthwise_gradient_runs<together, Length>(row, run, t, count);
    }
  });
}

/// `count` pixels from pixel t on, with runs that are sorted by length.
template <class T>
void depthwise_gradient_pixels(const DepthwiseGradientRow<T>& row, std::span<const TapRun> runs,
                               Index t, Index count) {
  const auto of_length = [&](Index length) {
    const auto shorter = [](const TapRun& run, Index other) { return run.length < other; };
    const auto first = std::lower_bound(runs.begin(), runs.end(), length, shorter);
    const auto last = std::lower_bound(first, runs.end(), length + 1, shorter);
    return std::span<const TapRun>(first, last);
  };
  unroll<TapRun::most>([&](auto one_less) {
    constexpr Index length = one_less + 1;
    depthwise_gradient_length<length>(row, of_length(length), t, count);
  });
}

/// Adds up the gradients of the weights (KH KW, K, O) over rows of dy.
template <class T>
class GroupedGradient {
 public:
  GroupedGradient(const GroupedView& view, const T* x, const T* dy)
      : view_(view), plan_(view, grouped_layout<T>(view)), spread_(view), x_(x), dy_(dy) {}

  /// sums += what the rows first ... last - 1 of an image give.
  void add(Index image, Index first, Index last, T* sums) const {
    const TapAxis& rows = view_.axes.rows;
    const TapAxis& columns = view_.axes.columns;
    const T* const source = x_ + image * rows.source * columns.source * view_.channels;
    const T* const dy = dy_ + image * rows.result * columns.result * view_.outputs;
    for_grouped_outputs(
        plan_, spread_, source, first, last, [&](const T* read, Index line, Index o, Index count) {
          const DepthwiseGradientRow<T> row{.source = read,
                                            .source_step = columns.step() * plan_.layout().pixel,
                                            .dy = dy + o,
                                            .dy_step = view_.outputs,
                                            .channels = count,
                                            .sums = sums + o};
          for (const StretchRuns& stretch : plan_.stretches()) {
            add_stretch(row, stretch, line, first, last);
          }
        });
  }

 private:
  /// Some pixels of all rows, one below the other, before the next pixels. `row` is row 0, which
  /// reads the source from line `line` on.
  void add_stretch(const DepthwiseGradientRow<T>& row, const StretchRuns& stretch, Index line,
                   Index first, Index last) const {
    constexpr Index pixels = 16;
    const Index together = outputs_together<T>(view_, pixels);
    for (Index t = stretch.begin; t < stretch.end; t += pixels) {
      for (Index c = 0; c < row.channels; c += together) {
        const Index count = std::min(together, row.channels - c);
        for (Index r = first; r < last; ++r) {
          const RowPlace& place = plan_.row(r);
          depthwise_gradient_pixels(row.part((place.first - line) * plan_.layout().line(),
                                             r * view_.columns() * view_.outputs, c, count),
                                    std::span<const TapRun>(plan_.runs(stretch, place)), t,
                                    std::min(pixels, stretch.end - t));
        }
      }
    }
  }

  GroupedView view_;
  GroupedPlan plan_;
  GroupSpread<T> spread_;
  const T* x_;
  const T* dy_;
};

}  // namespace detail

/// dweight (O, C / groups, KH, KW) = sum over pixels of x at the taps times dy. The rows of all
/// images are cut into a fixed number of chunks, each summed on its own and added in order.
template <class T>
void depthwise_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                               GradientSpan<T> dweight) {
  const detail::GroupedView view = detail::forward_view(d);
  const detail::GroupedGradient<T> gradient(view, x, dy);
  constexpr Index most_chunks = 16;
  const Index rows = d.n * d.oh();
  const Index chunk = std::max<Index>(1, (rows + most_chunks - 1) / most_chunks);
  const Index chunks = (rows + chunk - 1) / chunk;
  const Index size = d.taps() * d.group_c() * d.o;
  Tensor<T> parts({chunks, size});
  T* const sums = parts.mutable_data();
  parallel_for(rows, chunk, [&](Index begin, Index end) {
    T* const part = sums + begin / chunk * size;
    std::fill_n(part, size, T(0));
    constexpr Index together = 8;  // rows whose source stays in the second cache
    for (Index row = begin; row < end;) {
      const Index first = row % d.oh();
      const Index last = std::min({d.oh(), first + end - row, first + together});
      gradient.add(row / d.oh(), first, last, part);
      row += last - first;
    }
  });
  for (Index part = 1; part < chunks; ++part) {
    for (Index i = 0; i < size; ++i) {
      sums[i] += sums[part * size + i];
    }
  }
  for (Index o = 0; o < d.o; ++o) {
    for (Index k = 0; k < d.group_c(); ++k) {
      for (Index tap = 0; tap < d.taps(); ++tap) {
        dweight.put((o * d.group_c() + k) * d.taps() + tap,
                    chunks > 0 ? sums[(tap * d.group_c() + k) * d.o + o] : T(0));
      }
    }
  }
}

CNNRNN_KERNELS_END
