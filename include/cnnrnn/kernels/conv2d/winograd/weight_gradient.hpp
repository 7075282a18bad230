#pragma once

#include <algorithm>
#include <bit>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

// The weight gradient by Winograd's algorithms, a block of tiles at a time; or of all tiles at
// once, where the transformed gradient does not stay in a cache, but the transformed tiles do: then
// it is made and used up a few channels at a time.
//
//   V (all points, C / width, tiles, width)     the block's transformed inputs, C rounded up to
//                                               whole register tiles; or (all points, tiles, C)
//   D (points, columns / width, tiles, width)   its transformed output gradients for one slice of
//                                               outputs; or (points, tiles, columns)
//   dU (all points, C, columns)                 sum over tiles of V^T D: the transform of the
//                                               weight gradient
//   u (all points, count, columns)              that of all chunks, for some of the channels

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How the work of a weight gradient is cut: the rows of tiles in chunks, the outputs of each group
/// in slices. The cut follows from the shapes alone.
template <class T, class Convolution>
struct WinogradWeightPlan {
  static constexpr Index width = Packet<T>::width;

  /// Rows of the register tile for two packets of outputs; it divides or nearly divides C.
  static constexpr Index rows = vector_registers == 32 ? 8 : 6;

  /// Outputs of a slice at most. Slices of a chunk are jobs of their own.
  static constexpr Index widest = 128;

  /// Elements of a chunk that are added in one go, so that the processor sees them come.
  static constexpr Index stretch = 512;

  explicit WinogradWeightPlan(const Convolution& convolution)
      : d(convolution),
        slices((d.o + widest - 1) / widest),
        slice(round_up((d.o + slices - 1) / slices, width)),
        c(round_up(d.c, 2 * rows)),
        whole(keeps_all_tiles()),
        block(whole ? d.rows() : d.block(48, 1)),
        inputs(layout(c)),
        outputs(layout(slice)),
        sum_channels(std::clamp<Index>(stretch / slice, 1, std::max<Index>(1, d.c / 16))),
        jobs(d.groups * slices) {
    constexpr Index budget = (16 << 20) / static_cast<Index>(sizeof(T));
    const Index blocks = (d.rows() + block - 1) / block;
    const Index enough = std::max<Index>(1, 16 / d.groups);
    const Index most = std::min(budget / (jobs * size()), blocks / 4);
    const Index least = std::min<Index>(2, enough);
    const auto power =
        std::bit_floor(static_cast<std::size_t>(std::clamp<Index>(most, least, enough)));
    const auto wanted = static_cast<Index>(power);
    chunk = std::max<Index>(1, (d.rows() + wanted - 1) / wanted);
    chunks = std::max<Index>(1, (d.rows() + chunk - 1) / chunk);  // of nothing: zeros
  }

  Index size() const { return d.all_points() * c * slice; }
  Index outputs_of(Index index) const { return std::min(slice, d.o - index * slice); }

  Convolution d;
  Index slices, slice;             ///< how many slices a group has, and outputs of one
  Index c;                         ///< channels, rounded up
  bool whole;                      ///< whether V and D of all tiles are kept
  Index block;                     ///< rows of tiles in a block
  WinogradLayout inputs, outputs;  ///< of V and D
  Index sum_channels;              ///< channels whose chunks are added together
  Index jobs;                      ///< slices of all groups
  Index chunk = 1, chunks = 1;

 private:
  bool keeps_all_tiles() const {
    constexpr Index many_weights = (8 << 20) / static_cast<Index>(sizeof(T));
    constexpr Index most = (48 << 20) / static_cast<Index>(sizeof(T));
    const Index tiles = d.tiles();
    return d.groups == 1 && tiles > 0 && slices * size() > many_weights &&
           tiles * (d.all_points() * c + d.points() * slices * slice) <= most;
  }

  /// Packet behind packet where the rows of a register tile lie in one, for V, and so for D; else
  /// the channels of a tile beside each other, in whole packets, since threads store tiles in any
  /// order. A packet more than the data: points must not share their sets in the cache.
  WinogradLayout layout(Index channels) const {
    const Index tiles = block * d.columns();
    const Index line = round_up(channels, width);
    const Index point = tiles * line + width;
    return width % (2 * rows) == 0 ? WinogradLayout{point, tiles * width, width}
                                   : WinogradLayout{point, width, line};
  }
};

/// dU of one point += V^T D of so many tiles, for the channels c ... c + count - 1 and the first
/// `outputs` columns.
template <class T, class Plan>
void winograd_weight_products(const Plan& plan, Index tiles, Index c, Index count, Index outputs,
                              const T* v, const T* m, T* du) {
  constexpr Index width = Packet<T>::width;
  constexpr Index rows = Plan::rows;
  const WinogradLayout &a = plan.inputs, &b = plan.outputs;
  const auto multiply = [&](auto tile, Index tile_rows, Index n) {
    for (Index i = 0; i < count; i += tile_rows) {
      tile(1, 0, tiles, a.tile, v + (c + i) / width * a.packet + (c + i) % width,
           m + n / width * b.packet, b.tile, b.packet, du + i * plan.slice + n, plan.slice);
    }
  };
  Index n = 0;
  for (; n + width < outputs; n += 2 * width) {
    multiply(gemm_transposed_tile<T, rows, 2>, rows, n);
  }
  if (n < outputs) {
    multiply(gemm_transposed_tile<T, 2 * rows, 1>, 2 * rows, n);
  }
}

/// Calls body(point of V and dU, point of D, first tile, last tile) for all points of the tiles in
/// the rows begin ... end.
template <class Body>
void for_winograd_weight_points(const WinogradTiles& d, Index begin, Index end, const Body& body) {
  for (Index point = 0; point < Winograd::points; ++point) {
    body(point, point, 0, (end - begin) * d.columns());
  }
}
template <class Body>
void for_winograd_weight_points(const WinogradTerms& d, Index begin, Index end, const Body& body) {
  const WinogradBlock block = d.block_of(begin, end);
  const Index row = winograd_points(d.most.w);
  Index source = 0;
  for (const WinogradTerm& term : d.terms) {
    for (Index i = 0; i < term.size().h; ++i) {
      for (Index j = 0; j < term.size().w; ++j, ++source) {
        for_tiles_of_point(block, term, i, j, [&](Index first, Index last) {
          if (first < last) {
            body(source, i * row + j, first, last);
          }
        });
      }
    }
  }
}

/// dU (all points, channels, columns) += V^T D of the tiles in the rows begin ... end, for the
/// channels c ... c + count - 1, the points `du_point` apart.
template <class T, class Plan>
void winograd_weight_block(const Plan& plan, Index begin, Index end, Index c, Index count,
                           Index outputs, const T* v, const T* m, T* du, Index du_point) {
  for_winograd_weight_points(
      plan.d, begin, end, [&](Index source, Index point, Index first, Index last) {
        winograd_weight_products(plan, last - first, c, count, outputs,
                                 v + source * plan.inputs.point + first * plan.inputs.tile,
                                 m + point * plan.outputs.point + first * plan.outputs.tile,
                                 du + source * du_point);
      });
}

/// dU of one chunk and slice of a group.
template <class T, class X, class Plan>
void winograd_weight_chunk(const Plan& plan, Index begin, Index end, Index group, Index slice,
                           const X* x, const X* dy, T* du) {
  const auto& d = plan.d;
  const WinogradLayout &inputs = plan.inputs, &outputs = plan.outputs;
  const ThreadScratch<T> scratch(d.all_points() * inputs.point + d.points() * outputs.point);
  T* const v = scratch.data();
  T* const m = v + d.all_points() * inputs.point;
  const Index o = plan.outputs_of(slice);
  std::fill_n(du, plan.size(), T(0));
  for (Index row = begin; row < end; row += plan.block) {
    const Index last = std::min(end, row + plan.block);
    winograd_inputs(d, row, last, x + group * d.c, inputs, v);
    winograd_output_gradients(d, row, last, dy + group * d.o + slice * plan.slice, o, outputs, m);
    winograd_weight_block(plan, row, last, 0, d.c, o, v, m, du, plan.c * plan.slice);
  }
}

/// u (all points, count, columns) = the sum of all chunks' dU, for the channels c ... c + count - 1
/// of a slice, the dU of which begins at `du`.
template <class T, class Plan>
void winograd_weight_sum(const Plan& plan, Index c, Index count, const T* du, T* u) {
  const Index chunks = plan.chunks;
  const Index step = plan.jobs * plan.size();
  for (Index point = 0; point < plan.d.all_points(); ++point, u += count * plan.slice) {
    const T* const first = du + (point * plan.c + c) * plan.slice;
    for_each_lanes<T>(count * plan.slice, [=](const auto& lanes) {
      auto sum = lanes.load(first);
      for (Index chunk = 1; chunk < chunks; ++chunk) {
        sum = sum + lanes.load(first + chunk * step);
      }
      lanes.store(u, sum);
    });
  }
}

/// dweight = G^T u G for the channels c ... c + count - 1 and the outputs of a slice of a group, of
/// their u (all points, channels, columns), the points `point` apart.
template <class T, class X>
void winograd_weight_taps(const WinogradWeightPlan<T, WinogradTiles>& plan, Index group,
                          Index slice, Index c, Index count, Index point, const T* u,
                          GradientSpan<X> dweight) {
  constexpr Index width = Packet<T>::width;
  constexpr Index side = Winograd::kernel;
  const Index first = slice * plan.slice;
  for (Index i = 0; i < count; ++i) {
    for (Index n = 0; n < plan.outputs_of(slice); n += width) {
      T taps[static_cast<std::size_t>(side * side * width)];
      winograd_transform<T, WinogradWeightGradient3>(
          u + i * plan.slice + n, Winograd::input * point, point, taps, side * width, width);
      for (Index lane = 0; lane < std::min(width, plan.d.o - first - n); ++lane) {
        const Index output = group * plan.d.o + first + n + lane;
        const Index kernel = output * plan.d.c + c + i;
        for (Index tap = 0; tap < side * side; ++tap) {
          dweight.put(kernel * side * side + tap, taps[tap * width + lane]);
        }
      }
    }
  }
}
template <class T, class X>
void winograd_weight_taps(const WinogradWeightPlan<T, WinogradTerms>& plan, Index group,
                          Index slice, Index c, Index count, Index point, const T* u,
                          GradientSpan<X> dweight) {
  constexpr Index width = Packet<T>::width;
  const Size2d& kernel = plan.d.kernel;
  const Index first = slice * plan.slice;
  for (const WinogradTerm& term : plan.d.terms) {
    const auto transform = WinogradTransform<T>::template of<WinogradWeightGradient>(term.taps);
    const Size2d taps{std::max<Index>(1, term.taps.h), std::max<Index>(1, term.taps.w)};
    for (Index i = 0; i < count; ++i) {
      for (Index n = 0; n < plan.outputs_of(slice); n += width) {
        T sums[static_cast<std::size_t>(Winograd::kernel * Winograd::kernel * width)];
        transform(u + i * plan.slice + n, term.size().w * point, point, sums, taps.w * width,
                  width);
        for (Index lane = 0; lane < std::min(width, plan.d.o - first - n); ++lane) {
          const Index output = group * plan.d.o + first + n + lane;
          const Index begin =
              (output * plan.d.c + c + i) * kernel.area() + term.tap.h * kernel.w + term.tap.w;
          for (Index k = 0; k < taps.h; ++k) {
            for (Index l = 0; l < taps.w; ++l) {
              dweight.put(begin + k * term.tap_step.h * kernel.w + l * term.tap_step.w,
                          sums[(k * taps.w + l) * width + lane]);
            }
          }
        }
      }
    }
    u += term.points() * point;
  }
}

/// The weight gradient of all tiles at once, without groups.
template <class T, class Plan, class X>
void winograd_weight_whole(const Plan& plan, const X* x, const X* dy, GradientSpan<X> dweight) {
  constexpr Index channels = 2 * Plan::rows;
  const auto& d = plan.d;
  const Index slice_of_gradients = d.points() * plan.outputs.point;
  Tensor<T> transformed({d.all_points() * plan.inputs.point + plan.slices * slice_of_gradients});
  T* const v = transformed.mutable_data();
  T* const m = v + d.all_points() * plan.inputs.point;
  winograd_all_inputs(d, x, plan.inputs, v);
  for (Index slice = 0; slice < plan.slices; ++slice) {
    winograd_all_output_gradients(d, dy + slice * plan.slice, plan.outputs_of(slice), plan.outputs,
                                  m + slice * slice_of_gradients);
  }
  const Index parts = plan.c / channels;
  const Index u_point = channels * plan.slice;
  parallel_for(parts * plan.slices, 1, [&](Index job, Index) {
    const Index slice = job / parts;
    const Index c = job % parts * channels;
    const Index count = std::min(channels, d.c - c);
    const ThreadScratch<T> u(d.all_points() * u_point);
    std::fill_n(u.data(), d.all_points() * u_point, T(0));
    winograd_weight_block(plan, 0, d.rows(), c, count, plan.outputs_of(slice), v,
                          m + slice * slice_of_gradients, u.data(), u_point);
    winograd_weight_taps<T>(plan, 0, slice, c, count, u_point, u.data(), dweight);
  });
}

}  // namespace detail

/// dweight (groups O, C, KH, KW) = sum over pixels of x at the taps times dy. Chunks of tiles are
/// summed on their own and added in order.
template <class X, class Convolution>
void winograd_weight_gradient(const Convolution& d, const X* x, const X* dy,
                              GradientSpan<X> dweight) {
  using T = Accumulator<X>;
  const detail::WinogradWeightPlan<T, Convolution> plan(d);
  if (plan.whole) {
    detail::winograd_weight_whole<T>(plan, x, dy, dweight);
    return;
  }
  Tensor<T> sums({plan.chunks * plan.jobs, plan.size()});
  T* const all = sums.mutable_data();
  parallel_for(plan.chunks * plan.jobs, 1, [&](Index job, Index) {
    const Index begin = job / plan.jobs * plan.chunk;
    const Index slice = job % plan.jobs;
    detail::winograd_weight_chunk(plan, begin, std::min(d.rows(), begin + plan.chunk),
                                  slice / plan.slices, slice % plan.slices, x, dy,
                                  all + job * plan.size());
  });
  const Index parts = (d.c + plan.sum_channels - 1) / plan.sum_channels;
  parallel_for(parts * plan.jobs, 1, [&](Index job, Index) {
    const Index slice = job % plan.jobs;
    const Index c = job / plan.jobs * plan.sum_channels;
    const Index count = std::min(plan.sum_channels, d.c - c);
    const Index point = count * plan.slice;
    const ThreadScratch<T> u(d.all_points() * point);
    detail::winograd_weight_sum(plan, c, count, all + slice * plan.size(), u.data());
    detail::winograd_weight_taps<T>(plan, slice / plan.slices, slice % plan.slices, c, count, point,
                                    u.data(), dweight);
  });
}

CNNRNN_KERNELS_END
