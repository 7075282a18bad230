#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/winograd_1d_inputs.hpp"

// The weight gradient by F(4, 3) along the rows, a packet of outputs at a time.
//
//   dU (packets, 6, 3, C, width)   sum over tiles of V times A dy: the transform of the weight
//                                  gradient

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Calls body(pixel) for the tiles of a row of dy (OW, O), where pixel(j) is one of the four pixels
/// of a tile: zero beside the image.
template <class T, class Lanes, class Body>
void for_winograd_1d_gradients(const WinogradTiles& d, const T* dy, const Lanes& lanes,
                               const Body& body) {
  const Index inside = d.out_w / Winograd::output * Winograd::output;
  for (Index q = 0; q < inside; q += Winograd::output) {
    body([&](Index j) { return lanes.load(dy + (q + j) * d.o); });
  }
  if (inside < d.out_w) {
    body([&](Index j) {
      return inside + j < d.out_w ? lanes.load(dy + (inside + j) * d.o) : Packet<T>::zero();
    });
  }
}

/// dU (6, 3, C, width) += V A dy of some rows, for the two points of a group and `Channels` of the
/// channels: so many sums as fill the registers.
template <class T, std::size_t Group, Index Channels, class Lanes>
[[gnu::flatten, gnu::noinline]] void winograd_1d_weight_tile(const Winograd1dPlan<T>& plan,
                                                             Index rows, const T* v, const T* dy,
                                                             const Lanes& lanes, T* du) {
  using P = Packet<T>;
  constexpr auto points = WinogradOutputGradient::groups[Group];
  constexpr Index taps = Winograd::kernel * Channels;
  const Index channels = plan.d.c;
  const auto at = [=](Index point, Index tap) {
    return du +
           ((point * Winograd::kernel + tap / Channels) * channels + tap % Channels) * P::width;
  };
  P sums[2][static_cast<std::size_t>(taps)];
  unroll<2>(
      [&](auto m) { unroll<taps>([&](auto tap) { sums[m][tap] = P::load(at(points[m], tap)); }); });
  for (Index row = 0; row < rows; ++row, v += plan.row, dy += plan.d.out_w * plan.d.o) {
    const T* place = v;
    for_winograd_1d_gradients(plan.d, dy, lanes, [&](const auto& pixel) {
      Line<T, Winograd::output> line;
      unroll<Winograd::output>([&](auto j) { line[j] = pixel(j); });
      const auto gradients = WinogradOutputGradient::apply<Group>(line);
      unroll<2>([&](auto m) {
        unroll<taps>([&](auto tap) {
          const Index from = points[m] * plan.point + tap / Channels * plan.row + tap % Channels;
          sums[m][tap] = multiply_add(P::set(place[from]), gradients[m], sums[m][tap]);
        });
      });
      place += plan.tile;
    });
  }
  unroll<2>(
      [&](auto m) { unroll<taps>([&](auto tap) { sums[m][tap].store(at(points[m], tap)); }); });
}

/// The same for all points and channels.
template <class T, class Lanes>
void winograd_1d_weight_products(const Winograd1dPlan<T>& plan, Index rows, const T* v, const T* dy,
                                 const Lanes& lanes, T* du) {
  constexpr Index most = vector_registers == 32 ? 3 : 2;
  unroll<static_cast<Index>(WinogradOutputGradient::groups.size())>([&](auto group) {
    constexpr auto number = static_cast<std::size_t>(group);
    for (Index c = 0, step = 0; c < plan.d.c; c += step) {
      step = std::min(most, plan.d.c - c);
      const auto add = step == 1   ? winograd_1d_weight_tile<T, number, 1, Lanes>
                       : step == 2 ? winograd_1d_weight_tile<T, number, 2, Lanes>
                                   : winograd_1d_weight_tile<T, number, most, Lanes>;
      add(plan, rows, v + c, dy, lanes, du + c * Packet<T>::width);
    }
  });
}

/// dU of the jobs begin ... end.
template <class T>
void winograd_1d_weight_chunk(const Winograd1dPlan<T>& plan, Index begin, Index end, const T* x,
                              const T* dy, T* du) {
  const WinogradTiles& d = plan.d;
  const Index size = Winograd::input * Winograd::kernel * d.c;  // of an output
  Tensor<T> scratch({plan.v_size()});
  for (Index job = begin; job < end; ++job) {
    const T* const job_dy = dy + plan.first_row(job) * d.out_w * d.o;
    winograd_1d_inputs(plan, job, x, scratch.mutable_data());
    for_each_lanes<T>(d.o, [&](const auto& lanes) {
      winograd_1d_weight_products(plan, plan.rows(job), scratch.data(), job_dy, lanes,
                                  du + lanes.at * size);
    });
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
