#pragma once

#include <algorithm>
#include <bit>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"

// The weight gradient by Winograd's F(4x4, 3x3), a block of tiles at a time.
//
//   V (points, C / width, tiles, width)         the block's transformed inputs, C rounded up to
//                                               whole register tiles; or (points, tiles, C)
//   D (points, columns / width, tiles, width)   its transformed output gradients for one slice of
//                                               outputs; or (points, tiles, columns)
//   dU (points, C, columns)                     sum over tiles of V^T D: the transform of the
//                                               weight gradient
//   u (points, count, columns)                  that of all chunks, for some of the channels

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How the work of a weight gradient is cut: the rows of tiles in chunks, the outputs of each group
/// in slices.
/// The cut follows from the shapes alone.
template <class T>
struct WinogradWeightPlan {
  static constexpr Index width = Packet<T>::width;

  /// Rows of the register tile for two packets of outputs; it divides or nearly divides C.
  static constexpr Index rows = vector_registers == 32 ? 8 : 6;

  /// Outputs of a slice at most. Slices of a chunk are jobs of their own.
  static constexpr Index widest = 128;

  /// Elements of a chunk that are added in one go, so that the processor sees them come.
  static constexpr Index stretch = 512;

  explicit WinogradWeightPlan(const WinogradTiles& tiles)
      : d(tiles),
        slices((d.o + widest - 1) / widest),
        slice(round_up((d.o + slices - 1) / slices, width)),
        c(round_up(d.c, 2 * rows)),
        block(d.block(48, 1)),
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

  Index size() const { return Winograd::points * c * slice; }

  WinogradTiles d;
  Index slices, slice;             ///< how many slices a group has, and outputs of one
  Index c;                         ///< channels, rounded up
  Index block;                     ///< rows of tiles in a block
  WinogradLayout inputs, outputs;  ///< of V and D
  Index sum_channels;              ///< channels whose chunks are added together
  Index jobs;                      ///< slices of all groups
  Index chunk = 1, chunks = 1;

 private:
  /// Packet behind packet where the rows of a register tile lie in one, for V, and so for D; else
  /// the channels of a tile beside each other. A packet more than the data: points must not share
  /// their sets in the cache, and what is stored of the last tile may reach past its channels.
  WinogradLayout layout(Index channels) const {
    const Index tiles = block * d.columns();
    const Index point = tiles * channels + width;
    return width % (2 * rows) == 0 ? WinogradLayout{point, tiles * width, width}
                                   : WinogradLayout{point, width, channels};
  }
};

/// dU of one point += V^T D, for the first `outputs` columns.
template <class T>
void winograd_weight_products(const WinogradWeightPlan<T>& plan, Index tiles, Index outputs,
                              const T* v, const T* m, T* du) {
  constexpr Index width = Packet<T>::width;
  constexpr Index rows = WinogradWeightPlan<T>::rows;
  const WinogradLayout &a = plan.inputs, &b = plan.outputs;
  const auto multiply = [&](auto tile, Index tile_rows, Index n) {
    for (Index i = 0; i < plan.d.c; i += tile_rows) {
      tile(1, 0, tiles, a.tile, v + i / width * a.packet + i % width, m + n / width * b.packet,
           b.tile, b.packet, du + i * plan.slice + n, plan.slice);
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

/// dU of one chunk and slice of a group.
template <class T>
void winograd_weight_chunk(const WinogradWeightPlan<T>& plan, Index begin, Index end, Index group,
                           Index slice, const T* x, const T* dy, T* du) {
  const WinogradTiles& d = plan.d;
  const WinogradLayout &inputs = plan.inputs, &outputs = plan.outputs;
  const ThreadScratch<T> scratch(Winograd::points * (inputs.point + outputs.point));
  T* const v = scratch.data();
  T* const m = v + Winograd::points * inputs.point;
  const Index o = std::min(plan.slice, d.o - slice * plan.slice);
  std::fill_n(du, plan.size(), T(0));
  for (Index row = begin; row < end; row += plan.block) {
    const Index last = std::min(end, row + plan.block);
    const Index tiles = (last - row) * d.columns();
    winograd_inputs(d, row, last, x + group * d.c, inputs, v);
    winograd_output_gradients(d, row, last, dy + group * d.o + slice * plan.slice, o, outputs, m);
    for (Index point = 0; point < Winograd::points; ++point) {
      winograd_weight_products(plan, tiles, o, v + point * inputs.point, m + point * outputs.point,
                               du + point * plan.c * plan.slice);
    }
  }
}

/// u (points, count, columns) = the sum of all chunks' dU, for the channels c ... c + count - 1 of
/// a slice, the dU of which begins at `du`.
template <class T>
void winograd_weight_sum(const WinogradWeightPlan<T>& plan, Index c, Index count, const T* du,
                         T* u) {
  const Index chunks = plan.chunks;
  const Index step = plan.jobs * plan.size();
  for (Index point = 0; point < Winograd::points; ++point, u += count * plan.slice) {
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
/// their u (points, count, columns).
template <class T>
void winograd_weight_taps(const WinogradWeightPlan<T>& plan, Index group, Index slice, Index c,
                          Index count, const T* u, GradientSpan<T> dweight) {
  constexpr Index width = Packet<T>::width;
  constexpr Index side = Winograd::kernel;
  const Index point = count * plan.slice;
  const Index first = slice * plan.slice;
  for (Index i = 0; i < count; ++i) {
    for (Index n = 0; n < std::min(plan.slice, plan.d.o - first); n += width) {
      T taps[static_cast<std::size_t>(side * side * width)];
      winograd_transform<T, WinogradWeightGradient>(u + i * plan.slice + n, Winograd::input * point,
                                                    point, taps, side * width, width);
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

}  // namespace detail

/// dweight (groups O, C, 3, 3) = sum over pixels of x at the taps times dy. Chunks of tiles are
/// summed on their own and added in order.
template <class T>
void winograd_backward_weight(const WinogradTiles& d, const T* x, const T* dy,
                              GradientSpan<T> dweight) {
  if (winograd_is_1d(d.c, d.groups)) {
    winograd_1d_backward_weight(d, x, dy, dweight);
    return;
  }
  const detail::WinogradWeightPlan<T> plan(d);
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
    const ThreadScratch<T> u(Winograd::points * count * plan.slice);
    detail::winograd_weight_sum(plan, c, count, all + slice * plan.size(), u.data());
    detail::winograd_weight_taps(plan, slice / plan.slices, slice % plan.slices, c, count, u.data(),
                                 dweight);
  });
}

CNNRNN_KERNELS_END
