#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d/weight_gradient_in_blocks.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d/weight_gradient_in_registers.hpp"

// The weight gradient by F(4, 3) along the rows.
//
//   dU (packets, 6, 3, C, width)   sum over tiles of V times A dy, the transform of dw

CNNRNN_KERNELS_BEGIN

namespace detail {

/// dU of the jobs begin ... end.
template <class T>
void winograd_1d_weight_chunk(const Winograd1dPlan<T>& plan, Index begin, Index end, const T* x,
                              const T* dy, T* du) {
  const Winograd1dGradients<T> layout(plan);
  const bool in_registers = plan.d.c <= winograd_1d_channels_in_registers;
  const ThreadScratch<T> scratch(plan.scratch_size() + (in_registers ? 0 : layout.size()));
  T* const v = scratch.data();
  const Index last = begin < end ? plan.first_row(end - 1) + plan.rows(end - 1) : 0;
  for (Index job = begin; job < end; ++job) {
    const Index first = plan.first_row(job), rows = plan.rows(job);
    const T* const job_dy = dy + first * plan.d.out_w * plan.d.o;
    winograd_1d_inputs(plan, job, x, v);
    if (in_registers) {
      winograd_1d_weight_in_registers(plan, rows, v, job_dy, du);
    } else {
      winograd_1d_weight_in_blocks(plan, layout, rows, last - first - rows, v, job_dy,
                                   v + plan.scratch_size(), du);
    }
  }
}

}  // namespace detail

/// dweight (O, C, 3, 3) = sum over pixels of x at the taps times dy. Chunks of rows are summed on
/// their own and added in order.
template <class T>
void winograd_1d_backward_weight(const WinogradTiles& d, const T* x, const T* dy,
                                 GradientSpan<T> dweight) {
  using P = Packet<T>;
  constexpr Index points = Winograd::input, side = Winograd::kernel;
  const detail::Winograd1dPlan<T> plan(d);
  const Index taps = side * d.c;
  const Index size = round_up(d.o, P::width) * points * taps;
  const Index chunk = std::max<Index>(1, (plan.jobs() + 15) / 16);
  const Index chunks = (plan.jobs() + chunk - 1) / chunk;
  Tensor<T> sums = Tensor<T>::zeros({std::max<Index>(1, chunks), size});  // of nothing: zeros
  T* const all = sums.mutable_data();
  parallel_for(plan.jobs(), chunk, [&](Index begin, Index end) {
    detail::winograd_1d_weight_chunk(plan, begin, end, x, dy, all + begin / chunk * size);
  });
  for (Index n = 0; n < d.o; n += P::width) {
    for (Index tap = 0; tap < taps; ++tap) {
      detail::Line<T, points> u;
      unroll<points>([&](auto i) {
        const T* part = all + n * points * taps + (i * taps + tap) * P::width;
        u[i] = P::load(part);
        for (Index k = 1; k < chunks; ++k) {
          part += size;
          u[i] = u[i] + P::load(part);
        }
      });
      winograd_transform_line<T, detail::WinogradWeightGradient3>(u, [&](Index j, P value) {
        T lanes[static_cast<std::size_t>(P::width)];
        value.store(lanes);
        for (Index lane = 0; lane < std::min(P::width, d.o - n); ++lane) {
          const Index row = (n + lane) * d.c + tap % d.c;
          dweight.put((row * side + tap / d.c) * side + j, lanes[lane]);
        }
      });
    }
  }
}

CNNRNN_KERNELS_END
