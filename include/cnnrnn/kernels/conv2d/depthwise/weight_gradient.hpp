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
#include "cnnrnn/kernels/conv2d/depthwise/fetch.hpp"
#include "cnnrnn/kernels/conv2d/depthwise/source.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A row of dy and the source that its pixels read, for the sums of the weights' gradients.
template <class T>
struct DepthwiseGradientRow {
  SourceRow<T> source;
  const T* dy;
  Index dy_step;
  Index channels;
  T* sums;

  /// `count` channels of a row that reads `read`, whose dy lies `offset` elements further on.
  DepthwiseGradientRow part(Index read, Index offset, Index first, Index count) const {
    return {source.from(read + first), dy + offset + first, dy_step, count, sums + first};
  }
};

/// A packet of the sums of `Runs` runs of `Length` taps: plus source times dy of `count` pixels
/// from pixel t on. What a tap reads for one pixel, the tap before it reads for the next.
template <Index Runs, Index Length, bool Edge, class T, class Lanes>
[[gnu::always_inline]] inline void depthwise_gradient_tile(const DepthwiseGradientRow<T>& row,
                                                           const TapRun* runs, Index t, Index count,
                                                           const Lanes& lanes) {
  using P = Packet<T>;
  const SourceRow<T> source = row.source;
  P sum[static_cast<std::size_t>(Runs)][static_cast<std::size_t>(Length)];
  P x[static_cast<std::size_t>(Runs)][static_cast<std::size_t>(Length)];
  const T* from[static_cast<std::size_t>(Runs)];
  Index column[static_cast<std::size_t>(Runs)];
  const auto next = [&](auto r) {
    const P value = Edge && !source.has(column[r]) ? P::zero() : lanes.load(from[r]);
    from[r] += source.step;
    column[r] += source.column_step;
    return value;
  };
  unroll<Runs>([&](auto r) {
    from[r] = source.at(runs[r], t);
    column[r] = source.column(runs[r], t);
    unroll<Length>([&](auto j) {
      sum[r][j] = lanes.load(row.sums + runs[r].weight + j * runs[r].weight_step);
      if constexpr (j + 1 < Length) {
        x[r][j] = next(r);
      }
    });
  });
  const T* dy = row.dy + t * row.dy_step;
  for (Index q = 0; q < count; ++q, dy += row.dy_step) {
    const P gradient = lanes.load(dy);
    unroll<Runs>([&](auto r) {
      x[r][Length - 1] = next(r);
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
template <Index Runs, Index Length, bool Edge, class T>
[[gnu::flatten, gnu::noinline]] void depthwise_gradient_runs(const DepthwiseGradientRow<T>& row,
                                                             const TapRun* runs, Index t,
                                                             Index count) {
  for_each_lanes<T>(row.channels, [=](const auto& lanes) {
    depthwise_gradient_tile<Runs, Length, Edge>(row, runs, t, count, lanes);
  });
}

/// All runs of one length of `count` pixels from pixel t on: as many at a time as keep their sums
/// and what they read in registers.
template <Index Length, bool Edge, class T>
void depthwise_gradient_length(const DepthwiseGradientRow<T>& row, std::span<const TapRun> runs,
                               Index t, Index count) {
  constexpr Index most = std::clamp<Index>((vector_registers - 2) / (2 * Length), 1, 4);
  const TapRun* run = runs.data();
  Index left = std::ssize(runs);
  unroll<most>([&](auto fewer) {
    constexpr Index together = most - fewer;
    for (; left >= together; left -= together, run += together) {
      depthwise_gradient_runs<together, Length, Edge>(row, run, t, count);
    }
  });
}

/// `count` pixels from pixel t on, with runs that are sorted by length.
template <bool Edge, class T>
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
    depthwise_gradient_length<length, Edge>(row, of_length(length), t, count);
  });
}

/// Adds up the gradients of the weights (KH KW, K, O) over rows of dy.
template <class T>
class GroupedGradient {
 public:
  GroupedGradient(const GroupedView& view, const T* x)
      : view_(view), plan_(view, grouped_layout<T>(view)), spread_(view), x_(x) {}

  Index together(Index most) const { return GroupedFetch<T>(plan_).together(most); }

  /// sums += what some columns of the rows first ... last - 1 of an image give, whose gradients lie
  /// from `dy` on.
  void add(Index image, Index first, Index last, const Places& part, const T* dy, T* sums) const {
    const GroupedFetch<T> fetch(plan_);
    fetch.next_lines(image, first, last, x_);
    fetch.rows(last - first, dy);
    const TapAxis& rows = view_.axes.rows;
    const TapAxis& columns = view_.axes.columns;
    const T* const source = x_ + image * rows.source * columns.source * view_.channels;
    for_grouped_outputs(plan_, spread_, source, first, last,
                        [&](const T* read, Index line, Index o, Index count) {
                          const DepthwiseGradientRow<T> row{.source = source_row(plan_, read),
                                                            .dy = dy + o,
                                                            .dy_step = view_.outputs,
                                                            .channels = count,
                                                            .sums = sums + o};
                          const PhaseRuns& phase = plan_.phases().front();
                          constexpr Index most = 16;
                          plan_.for_tiles(phase, part, most, [&](Index t, Index pixels, bool edge) {
                            add_tiles(row, phase, line, first, last, t, pixels, edge);
                          });
                        });
  }

 private:
  /// `pixels` pixels from pixel t on of all rows, one below the other. `row` is the first one,
  /// which reads the source from line `line` on.
  void add_tiles(const DepthwiseGradientRow<T>& row, const PhaseRuns& phase, Index line,
                 Index first, Index last, Index t, Index pixels, bool edge) const {
    const Index together = outputs_together<T>(view_, pixels);
    for (Index c = 0; c < row.channels; c += together) {
      const Index count = std::min(together, row.channels - c);
      for (Index r = first; r < last; ++r) {
        const RowPlace& place = plan_.row(r);
        const auto add =
            edge ? depthwise_gradient_pixels<true, T> : depthwise_gradient_pixels<false, T>;
        add(row.part((place.first - line) * plan_.layout().line(),
                     (r - first) * view_.columns() * view_.outputs, c, count),
            plan_.runs(phase, place), t, pixels);
      }
    }
  }

  GroupedView view_;
  GroupedPlan plan_;
  GroupSpread<T> spread_;
  const T* x_;
};

/// `size` sums over the rows of the result, of which add(image, first, last, columns, sums) adds
/// those of some columns of at most `together` rows of an image. The rows of all images are cut
/// into a fixed number of chunks, each summed on its own and added in order.
template <class T, class Add>
Tensor<T> sum_over_rows(const GroupedView& view, Index size, Index together, const Add& add) {
  constexpr Index elements = (1 << 15) / static_cast<Index>(sizeof(T));
  const RowParts parts(view, elements);
  constexpr Index most_chunks = 16;
  const Index count = view.n * view.rows() * parts.parts;
  const Index chunk = std::max<Index>(1, (count + most_chunks - 1) / most_chunks);
  const Index chunks = (count + chunk - 1) / chunk;
  if (chunks == 0) {
    return Tensor<T>::zeros({1, size});
  }
  Tensor<T> all_sums({chunks, size});
  T* const sums = all_sums.mutable_data();
  parallel_for(count, chunk, [&](Index begin, Index end) {
    T* const own = sums + begin / chunk * size;
    std::fill_n(own, size, T(0));
    parts.for_rows(begin, end, together, [&](auto... rows) { add(rows..., own); });
  });
  constexpr Index sums_together = 2048;  // of every chunk in the first cache
  parallel_for(size, sums_together, [&](Index begin, Index end) {
    for (Index chunk_sums = 1; chunk_sums < chunks; ++chunk_sums) {
      for (Index i = begin; i < end; ++i) {
        sums[i] += sums[chunk_sums * size + i];
      }
    }
  });
  return all_sums;
}

}  // namespace detail

/// dweight (O, C / groups, KH, KW) = sum over pixels of x at the taps times dy.
template <class T>
void depthwise_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                               GradientSpan<T> dweight) {
  const detail::GroupedView view = detail::forward_view(d);
  const detail::GroupedGradient<T> gradient(view, x);
  constexpr Index in_second_cache = 8;  // rows of the source
  const auto add = [&](Index image, Index first, Index last, const auto& columns, T* sums) {
    const Index row = image * view.rows() + first;
    gradient.add(image, first, last, columns, dy + row * view.columns() * d.o, sums);
  };
  const auto all_sums = detail::sum_over_rows<T>(view, d.taps() * d.group_c() * d.o,
                                                 gradient.together(in_second_cache), add);
  const T* const sums = all_sums.data();
  for (Index o = 0; o < d.o; ++o) {
    for (Index k = 0; k < d.group_c(); ++k) {
      for (Index tap = 0; tap < d.taps(); ++tap) {
        dweight.put((o * d.group_c() + k) * d.taps() + tap,
                    sums[(tap * d.group_c() + k) * d.o + o]);
      }
    }
  }
}

CNNRNN_KERNELS_END
