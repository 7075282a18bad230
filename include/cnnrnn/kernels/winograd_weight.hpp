#pragma once

#include <algorithm>
#include <bit>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm_operands.hpp"
#include "cnnrnn/kernels/gemm_tile.hpp"
#include "cnnrnn/kernels/winograd_1d_weight.hpp"
#include "cnnrnn/kernels/winograd_tiles.hpp"

// The weight gradient by Winograd's F(4x4, 3x3), a block of tiles at a time.
//
//   V (points, tiles, C)         the block's transformed inputs, C rounded up to whole tiles
//   D (points, tiles, columns)   its transformed output gradients for one slice of outputs
//   dU (points, C, columns)      sum over tiles of V^T D: the transform of the weight gradient

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How the work of a weight gradient is cut: the rows of tiles in chunks, the outputs in slices.
/// The cut follows from the shapes alone.
template <class T>
struct WinogradWeightPlan {
  static constexpr Index width = Packet<T>::width;

  /// Rows of the register tile for two packets of outputs; it divides or nearly divides C.
  static constexpr Index rows = vector_registers == 32 ? 8 : 6;

  explicit WinogradWeightPlan(const WinogradTiles& tiles)
      : d(tiles),
        slice(std::min<Index>(round_up(d.o, width), 128)),
        slices((d.o + slice - 1) / slice),
        c(round_up(d.c, 2 * rows)),
        block(d.block(48, 1)) {
    constexpr Index budget = (16 << 20) / static_cast<Index>(sizeof(T));
    const Index blocks = (d.rows() + block - 1) / block;
    const Index most = std::min(budget / (slices * size()), blocks / 4);
    const auto power = std::bit_floor(static_cast<std::size_t>(std::clamp<Index>(most, 2, 16)));
    const auto wanted = static_cast<Index>(power);
    chunk = std::max<Index>(1, (d.rows() + wanted - 1) / wanted);
    chunks = std::max<Index>(1, (d.rows() + chunk - 1) / chunk);  // of nothing: zeros
  }

  Index size() const { return Winograd::points * c * slice; }

  WinogradTiles d;
  Index slice, slices;  ///< outputs of a slice, and how many there are
  Index c;              ///< channels, rounded up
  Index block;          ///< rows of tiles in a block
  Index chunk = 1, chunks = 1;
};

/// dU of one chunk and slice.
template <class T>
void winograd_weight_chunk(const WinogradWeightPlan<T>& plan, Index begin, Index end, Index slice,
                           const T* x, const T* dy, T* du) {
  using P = Packet<T>;
  constexpr Index rows = WinogradWeightPlan<T>::rows;
  const WinogradTiles& d = plan.d;
  const Index most = plan.block * d.columns();
  const WinogradLayout inputs{most * plan.c + P::width, P::width, plan.c};
  const WinogradLayout outputs{most * plan.slice + P::width, P::width, plan.slice};
  Tensor<T> scratch({Winograd::points * (inputs.point + outputs.point)});
  T* const v = scratch.mutable_data();
  T* const m = v + Winograd::points * inputs.point;
  const Index o = std::min(plan.slice, d.o - slice * plan.slice);
  std::fill_n(du, plan.size(), T(0));
  for (Index row = begin; row < end; row += plan.block) {
    const Index last = std::min(end, row + plan.block);
    const Index tiles = (last - row) * d.columns();
    winograd_inputs(d, row, last, x, inputs, v);
    winograd_output_gradients(d, row, last, dy + slice * plan.slice, o, outputs, m);
    for (Index point = 0; point < Winograd::points; ++point) {
      const T* const a = v + point * inputs.point;
      const T* const b = m + point * outputs.point;
      T* const c = du + point * plan.c * plan.slice;
      Index n = 0;
      for (; n + P::width < o; n += 2 * P::width) {
        for (Index i = 0; i < d.c; i += rows) {
          gemm_transposed_tile<T, rows, 2>(1, 0, tiles, inputs.tile, a + i, b + n, outputs.tile,
                                           c + i * plan.slice + n, plan.slice);
        }
      }
      for (; n < o; n += P::width) {
        for (Index i = 0; i < d.c; i += 2 * rows) {
          gemm_transposed_tile<T, 2 * rows, 1>(1, 0, tiles, inputs.tile, a + i, b + n, outputs.tile,
                                               c + i * plan.slice + n, plan.slice);
        }
      }
    }
  }
}

}  // namespace detail

/// dweight (O, C, 3, 3) = sum over pixels of x at the taps times dy. Chunks of tiles are summed on
/// their own and added in order.
template <class T>
void winograd_backward_weight(const WinogradTiles& d, const T* x, const T* dy,
                              GradientSpan<T> dweight) {
  if (winograd_is_1d(d.c)) {
    winograd_1d_backward_weight(d, x, dy, dweight);
    return;
  }
  using P = Packet<T>;
  const detail::WinogradWeightPlan<T> plan(d);
  Tensor<T> sums({plan.chunks * plan.slices, plan.size()});
  T* const all = sums.mutable_data();
  parallel_for(plan.chunks * plan.slices, 1, [&](Index job, Index) {
    const Index begin = job / plan.slices * plan.chunk;
    detail::winograd_weight_chunk(plan, begin, std::min(d.rows(), begin + plan.chunk),
                                  job % plan.slices, x, dy, all + job * plan.size());
  });
  parallel_for(d.c, 1, [&](Index c, Index) {
    for (Index n = 0; n < d.o; n += P::width) {
      const T* const from = all + n / plan.slice * plan.size() + c * plan.slice + n % plan.slice;
      T u[Winograd::points * P::width];
      for (Index point = 0; point < Winograd::points; ++point) {
        const T* part = from + point * plan.c * plan.slice;
        P sum = P::load(part);
        for (Index chunk = 1; chunk < plan.chunks; ++chunk) {
          part += plan.slices * plan.size();
          sum = sum + P::load(part);
        }
        sum.store(u + point * P::width);
      }
      T taps[Winograd::kernel * Winograd::kernel * P::width];
      winograd_transform<T, detail::WinogradWeightGradient>(
          u, Winograd::input * P::width, P::width, taps, Winograd::kernel * P::width, P::width);
      for (Index lane = 0; lane < std::min(P::width, d.o - n); ++lane) {
        for (Index tap = 0; tap < 9; ++tap) {
          dweight.put(((n + lane) * d.c + c) * 9 + tap, taps[tap * P::width + lane]);
        }
      }
    }
  });
}

CNNRNN_KERNELS_END
