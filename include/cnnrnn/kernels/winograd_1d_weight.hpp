#pragma once

#include <algorithm>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/fetch_ahead.hpp"
#include "cnnrnn/kernels/gemm_microkernel.hpp"
#include "cnnrnn/kernels/winograd_1d_inputs.hpp"

// The weight gradient by F(4, 3) along the rows, a panel of outputs at a time, and a block of rows.
//
//   D (6, rows, columns, panel)    transformed block of dy
//   dU (packets, 6, 3, C, width)   sum over tiles of V times D: the transform of the weight
//   gradient

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How dy is cut and where D of a block lies.
template <class T>
struct Winograd1dGradients {
  static constexpr Index packets = vector_registers == 32 ? 2 : 4;  ///< of a panel
  static constexpr Index panel = packets * Packet<T>::width;

  explicit Winograd1dGradients(const Winograd1dPlan<T>& plan) {
    constexpr Index bytes = 1 << 14;  // of the first cache
    const Index row = plan.d.columns() * panel;
    const Index row_bytes = Winograd::input * row * static_cast<Index>(sizeof(T));
    rows = std::clamp<Index>(bytes / std::max<Index>(1, row_bytes), 1, plan.band);
    // A packet more than the data: points must not share their sets in the cache.
    point = rows * row + Packet<T>::width;
  }

  Index size() const { return Winograd::input * point; }

  Index rows;   ///< of a block
  Index point;  ///< step of D
};

/// D = A dy of some rows of dy (OW, O), for the outputs of a panel.
template <class T>
[[gnu::flatten, gnu::noinline]] void winograd_1d_output_gradients(const WinogradTiles& d,
                                                                  Index rows, const T* dy,
                                                                  Index outputs, Index point,
                                                                  T* to) {
  const auto transform = [&](const auto& lanes, const T* from, Index pixels) {
    Line<T, Winograd::output> line;
    unroll<Winograd::output>(
        [&](auto j) { line[j] = j < pixels ? lanes.load(from + j * d.o) : Packet<T>::zero(); });
    winograd_transform_line<T, WinogradOutputGradient>(
        line, [&](Index i, Packet<T> value) { value.store(to + i * point + lanes.at); });
  };
  for (Index row = 0; row < rows; ++row, dy += d.out_w * d.o) {
    for (Index q = 0; q < d.out_w; q += Winograd::output, to += Winograd1dGradients<T>::panel) {
      const Index pixels = std::min(Winograd::output, d.out_w - q);
      for_each_lanes<T>(outputs,
                        [&](const auto& lanes) { transform(lanes, dy + q * d.o, pixels); });
    }
  }
}

/// dU (Packets, Taps, width) += V D of some rows, for one point, some of the taps and some packets
/// of a panel: so many sums as fill the registers.
template <class T, Index Taps, Index Packets>
[[gnu::flatten, gnu::noinline]] void winograd_1d_weight_tile(const Winograd1dPlan<T>& plan,
                                                             Index rows, const T* v,
                                                             const Index* taps, const T* d, T* du,
                                                             Index du_packet) {
  using P = Packet<T>;
  const auto at = [=](Index tap, Index p) { return du + tap * P::width + p * du_packet; };
  P sums[static_cast<std::size_t>(Taps)][static_cast<std::size_t>(Packets)];
  Index place[static_cast<std::size_t>(Taps)];
  unroll<Taps>([&](auto tap) {
    place[tap] = taps[tap];
    unroll<Packets>([&](auto p) { sums[tap][p] = P::load(at(tap, p)); });
  });
  for (Index row = 0; row < rows; ++row, v += plan.row) {
    const T* from = v;
    for (Index column = 0; column < plan.d.columns(); ++column) {
      P elements[static_cast<std::size_t>(Taps)];
      unroll<Taps>([&](auto tap) { elements[tap] = P::set(from[place[tap]]); });
      unroll<Packets>([&](auto p) {
        const auto gradient = P::load(d + p * P::width);
        unroll<Taps>(
            [&](auto tap) { sums[tap][p] = multiply_add(elements[tap], gradient, sums[tap][p]); });
      });
      from += plan.tile;
      d += Winograd1dGradients<T>::panel;
    }
  }
  unroll<Taps>([&](auto tap) { unroll<Packets>([&](auto p) { sums[tap][p].store(at(tap, p)); }); });
}

/// The same for all taps.
template <class T, Index Packets>
void winograd_1d_weight_taps(const Winograd1dPlan<T>& plan, Index rows, const T* v, const T* d,
                             T* du) {
  constexpr Index side = Winograd::kernel;
  constexpr Index most = vector_registers == 32 || Packets == 1 ? 3 * side : side;
  const auto taps = static_cast<Index>(plan.taps.size());
  const Index du_packet = Winograd::input * taps * Packet<T>::width;
  for (Index tap = 0, step = 0; tap < taps; tap += step, du += step * Packet<T>::width) {
    step = taps - tap >= most ? most : side;
    const auto add = step == most ? winograd_1d_weight_tile<T, most, Packets>
                                  : winograd_1d_weight_tile<T, side, Packets>;
    add(plan, rows, v, plan.taps.data() + tap, d, du, du_packet);
  }
}

/// The same for all points and `packets` of a panel. What `next` holds is fetched meanwhile.
template <class T>
void winograd_1d_weight_block(const Winograd1dPlan<T>& plan, Index rows, const T* v, const T* d,
                              Index point, Index packets, T* du, std::span<const T> next) {
  const auto taps = static_cast<Index>(plan.taps.size());
  const Index part = static_cast<Index>(next.size()) / Winograd::input;
  for (Index i = 0; i < Winograd::input; ++i) {
    fetch_ahead(part, next.data() + i * part);
    const auto add = [&](auto together, Index packet) {
      winograd_1d_weight_taps<T, together>(plan, rows, v + i * plan.point,
                                           d + i * point + packet * plan.width,
                                           du + (packet * Winograd::input + i) * taps * plan.width);
    };
    Index packet = 0;
    take_rows<Winograd1dGradients<T>::packets>(packet, packets, add);
    take_rows<2>(packet, packets, add);
    take_rows<1>(packet, packets, add);
  }
}

/// dU of the jobs begin ... end.
template <class T>
void winograd_1d_weight_chunk(const Winograd1dPlan<T>& plan, Index begin, Index end, const T* x,
                              const T* dy, T* du) {
  const WinogradTiles& d = plan.d;
  const Winograd1dGradients<T> gradients(plan);
  const Index size = Winograd::input * static_cast<Index>(plan.taps.size());  // of an output
  const Index row_of_dy = d.out_w * d.o;
  const Index last = begin < end ? plan.first_row(end - 1) + plan.rows(end - 1) : 0;
  Tensor<T> scratch({plan.v_size() + gradients.size()});
  T* const v = scratch.mutable_data();
  T* const transformed = v + plan.v_size();
  for (Index job = begin; job < end; ++job) {
    winograd_1d_inputs(plan, job, x, v);
    for (Index n = 0; n < d.o; n += gradients.panel) {
      const Index outputs = std::min(gradients.panel, d.o - n);
      for (Index i = 0; i < plan.rows(job); i += gradients.rows) {
        const Index rows = std::min(gradients.rows, plan.rows(job) - i);
        const Index row = plan.first_row(job) + i;
        winograd_1d_output_gradients(d, rows, dy + row * row_of_dy + n, outputs, gradients.point,
                                     transformed);
        // The first panel fetches the rows of dy whole, for all.
        const Index next = n > 0 ? 0 : std::min(gradients.rows, last - row - rows);
        winograd_1d_weight_block(
            plan, rows, v + i * plan.row, transformed, gradients.point,
            (outputs + plan.width - 1) / plan.width, du + n * size,
            std::span(dy + (row + rows) * row_of_dy, static_cast<std::size_t>(next * row_of_dy)));
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
