#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/fetch_ahead.hpp"
#include "cnnrnn/kernels/winograd_1d_inputs.hpp"

// The weight gradient by F(4, 3) along the rows, a panel of outputs at a time: two packets of them,
// or one where only one is left.
//
//   D (6, rows, columns, panel)    transformed rows of dy
//   dU (panels, 6, 3, C, panel)    sum over tiles of V times D: the transform of the weight
//   gradient

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Where D of a panel lies.
struct Winograd1dGradients {
  Index point, tile;
};

/// D = A dy of some rows of dy (OW, O), for a packet of outputs.
template <class T, class Lanes>
[[gnu::flatten, gnu::noinline]] void winograd_1d_output_gradients(const WinogradTiles& d,
                                                                  Index rows, const T* dy,
                                                                  const Lanes& lanes,
                                                                  const Winograd1dGradients& layout,
                                                                  T* to) {
  using P = Packet<T>;
  const auto transform = [&](const auto& pixel) {
    Line<T, Winograd::output> line;
    unroll<Winograd::output>([&](auto j) { line[j] = pixel(j); });
    winograd_transform_line<T, WinogradOutputGradient>(
        line, [&](Index i, P value) { value.store(to + i * layout.point); });
    to += layout.tile;
  };
  const Index inside = d.out_w / Winograd::output * Winograd::output;
  for (Index row = 0; row < rows; ++row, dy += d.out_w * d.o) {
    for (Index q = 0; q < inside; q += Winograd::output) {
      transform([&](Index j) { return lanes.load(dy + (q + j) * d.o); });
    }
    if (inside < d.out_w) {
      transform([&](Index j) {
        return inside + j < d.out_w ? lanes.load(dy + (inside + j) * d.o) : P::zero();
      });
    }
  }
}

/// dU (3, C, panel) += V D of one point, for `Channels` of the channels and `Vectors` packets.
template <class T, Index Channels, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_1d_weight_tile(const Winograd1dPlan<T>& plan,
                                                             Index rows, const T* v, const T* d,
                                                             Index panel, T* du) {
  using P = Packet<T>;
  constexpr Index taps = Winograd::kernel * Channels;
  const auto at = [=](Index tap, Index p) {
    return du + (tap / Channels * plan.d.c + tap % Channels) * panel + p * P::width;
  };
  P sums[static_cast<std::size_t>(taps)][static_cast<std::size_t>(Vectors)];
  unroll<taps>(
      [&](auto tap) { unroll<Vectors>([&](auto p) { sums[tap][p] = P::load(at(tap, p)); }); });
  for (Index row = 0; row < rows; ++row, v += plan.row) {
    const T* place = v;
    for (Index q = 0; q < plan.d.out_w; q += Winograd::output, place += plan.tile, d += panel) {
      P gradient[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto p) { gradient[p] = P::load(d + p * P::width); });
      unroll<taps>([&](auto tap) {
        const P element = P::set(place[tap / Channels * plan.row + tap % Channels]);
        unroll<Vectors>(
            [&](auto p) { sums[tap][p] = multiply_add(element, gradient[p], sums[tap][p]); });
      });
    }
  }
  unroll<taps>([&](auto tap) { unroll<Vectors>([&](auto p) { sums[tap][p].store(at(tap, p)); }); });
}

/// dU (3, C, panel) += V D of one point, for all channels: three at a time fill the registers.
template <class T, Index Vectors>
void winograd_1d_weight_products(const Winograd1dPlan<T>& plan, Index rows, const T* v, const T* d,
                                 Index panel, T* du) {
  for (Index n = 0; n < panel; n += Vectors * Packet<T>::width) {
    for (Index c = 0; c < plan.d.c; c += 3) {
      const Index left = plan.d.c - c;
      const auto add = left == 1   ? winograd_1d_weight_tile<T, 1, Vectors>
                       : left == 2 ? winograd_1d_weight_tile<T, 2, Vectors>
                                   : winograd_1d_weight_tile<T, 3, Vectors>;
      add(plan, rows, v + c, d + n, panel, du + c * panel + n);
    }
  }
}

/// dU of the jobs begin ... end.
template <class T>
void winograd_1d_weight_chunk(const Winograd1dPlan<T>& plan, Index begin, Index end, const T* x,
                              const T* dy, T* du) {
  constexpr Index width = Packet<T>::width;
  constexpr Index points = Winograd::input;
  const WinogradTiles& d = plan.d;
  const Index taps = Winograd::kernel * d.c;
  const Index point = plan.band * d.columns() * plan.panel + width;
  Tensor<T> scratch({plan.v_size() + points * point});
  T* const v = scratch.mutable_data();
  T* const gradients = v + plan.v_size();
  for (Index job = begin; job < end; ++job) {
    const T* const job_dy = dy + plan.first_row(job) * d.out_w * d.o;
    const Index rows = plan.rows(job);
    const Index next = job + 1 < end ? plan.rows(job + 1) * d.out_w * d.o : 0;
    winograd_1d_inputs(plan, job, x, v);
    for (Index n = 0; n < d.o; n += plan.panel) {
      const bool wide = d.o - n > width && vector_registers == 32;
      const Index panel = d.o - n > width ? plan.panel : width;
      for_each_lanes<T>(std::min(panel, d.o - n), [&](const auto& lanes) {
        winograd_1d_output_gradients(d, rows, job_dy + n, lanes, {point, panel},
                                     gradients + lanes.at);
      });
      const auto add = wide ? winograd_1d_weight_products<T, 2> : winograd_1d_weight_products<T, 1>;
      for (Index i = 0; i < points; ++i) {
        if (n == 0) {
          fetch_ahead(next / points, job_dy + rows * d.out_w * d.o + i * (next / points));
        }
        add(plan, rows, v + i * plan.point, gradients + i * point, panel,
            du + (n * points + i * panel) * taps);
      }
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
    const Index first = n / plan.panel * plan.panel;
    const Index panel = d.o - first > P::width ? plan.panel : P::width;
    for (Index tap = 0; tap < taps; ++tap) {
      detail::Line<T, points> u;
      unroll<points>([&](auto i) {
        const T* part = all + (first * points + i * panel) * taps + tap * panel + n - first;
        u[i] = P::load(part);
        for (Index k = 1; k < chunks; ++k) {
          part += size;
          u[i] = u[i] + P::load(part);
        }
      });
      winograd_transform_line<T, detail::WinogradWeightGradient>(u, [&](Index j, P value) {
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
