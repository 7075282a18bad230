#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/winograd/1d/inputs.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

// The products of the weight gradient by F(4, 3) where dy is transformed in memory: for a panel of
// outputs and a block of rows at a time, which stay in the first cache.
//
//   D (6, rows, columns, panel)   transformed block of dy

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How dy is cut, and where D of a block of rows lies.
template <class T>
struct Winograd1dGradients {
  static constexpr Index packets = vector_registers == 32 ? 2 : 4;  ///< of a panel
  static constexpr Index panel = packets * Packet<T>::width;

  explicit Winograd1dGradients(const Winograd1dPlan<T>& plan) {
    constexpr Index bytes = 1 << 14;  // of the first cache
    tile = std::min(panel, round_up(plan.d.o, Packet<T>::width));
    const Index row = plan.d.columns() * tile;
    const Index row_bytes = Winograd::input * row * static_cast<Index>(sizeof(T));
    rows = std::clamp<Index>(bytes / std::max<Index>(1, row_bytes), 1, plan.band);
    // A packet more than the data: points must not share their sets in the cache.
    point = rows * row + Packet<T>::width;
  }

  Index size() const { return Winograd::input * point; }

  Index rows;         ///< of a block
  Index tile, point;  ///< steps of D
};

/// D = A dy of some rows of dy (OW, O), for the outputs of a panel.
template <class T>
[[gnu::flatten, gnu::noinline]] void winograd_1d_output_gradients(
    const Winograd1dPlan<T>& plan, const Winograd1dGradients<T>& layout, Index rows, const T* dy,
    Index outputs, T* to) {
  const WinogradTiles& d = plan.d;
  const auto transform = [&](const auto& lanes, const T* from, Index pixels) {
    Line<T, Winograd::output> line;
    unroll<Winograd::output>(
        [&](auto j) { line[j] = j < pixels ? lanes.load(from + j * d.o) : Packet<T>::zero(); });
    winograd_transform_line<T, WinogradOutputGradient3>(
        line, [&](Index i, Packet<T> value) { value.store(to + i * layout.point + lanes.at); });
  };
  for (Index row = 0; row < rows; ++row, dy += d.out_w * d.o) {
    for (Index q = 0; q < d.out_w; q += Winograd::output, to += layout.tile) {
      const Index pixels = std::min(Winograd::output, d.out_w - q);
      for_each_lanes<T>(outputs,
                        [&](const auto& lanes) { transform(lanes, dy + q * d.o, pixels); });
    }
  }
}

/// How many points have their sums in registers together.
constexpr Index winograd_1d_points(Index taps, Index packets) {
  constexpr Index most = vector_registers == 32 ? 18 : 12;
  Index points = Winograd::input;
  while (points > 1 && (points * taps * packets > most || Winograd::input % points != 0)) {
    --points;
  }
  return points;
}

/// dU += V D of some rows, for some of the points and taps, and some packets of a panel: so many
/// sums as fill the registers. v, gradients and du are those of the first point and packet, du also
/// that of the first tap.
template <class T, Index Points, Index Taps, Index Packets>
[[gnu::flatten, gnu::noinline]] void winograd_1d_weight_tile(const Winograd1dPlan<T>& plan,
                                                             const Winograd1dGradients<T>& layout,
                                                             Index rows, const T* v,
                                                             const Index* taps, const T* gradients,
                                                             T* du) {
  using P = Packet<T>;
  const auto all_taps = static_cast<Index>(plan.taps.size());
  const auto at = [=](Index point, Index tap, Index p) {
    return du + ((p * Winograd::input + point) * all_taps + tap) * P::width;
  };
  P sums[static_cast<std::size_t>(Points)][static_cast<std::size_t>(Taps)]
        [static_cast<std::size_t>(Packets)];
  Index place[static_cast<std::size_t>(Taps)];
  unroll<Taps>([&](auto tap) {
    place[tap] = taps[tap];
    unroll<Points>([&](auto i) {
      unroll<Packets>([&](auto p) { sums[i][tap][p] = P::load(at(i, tap, p)); });
    });
  });
  for (Index row = 0; row < rows; ++row, v += plan.row) {
    const T* from = v;
    for (Index column = 0; column < plan.d.columns(); ++column) {
      unroll<Points>([&](auto i) {
        P elements[static_cast<std::size_t>(Taps)];
        unroll<Taps>([&](auto tap) { elements[tap] = P::set(from[i * plan.point + place[tap]]); });
        unroll<Packets>([&](auto p) {
          const auto gradient = P::load(gradients + i * layout.point + p * P::width);
          unroll<Taps>([&](auto tap) {
            sums[i][tap][p] = multiply_add(elements[tap], gradient, sums[i][tap][p]);
          });
        });
      });
      from += plan.d.c;
      gradients += layout.tile;
    }
  }
  unroll<Taps>([&](auto tap) {
    unroll<Points>(
        [&](auto i) { unroll<Packets>([&](auto p) { sums[i][tap][p].store(at(i, tap, p)); }); });
  });
}

/// The same for all points and taps. `part` elements of `next` for each point are fetched
/// meanwhile.
template <class T, Index Packets>
void winograd_1d_weight_products(const Winograd1dPlan<T>& plan,
                                 const Winograd1dGradients<T>& layout, Index rows, const T* v,
                                 const T* gradients, T* du, const T* next, Index part) {
  const auto taps = static_cast<Index>(plan.taps.size());
  const auto add = [&](auto together, Index tap) {
    constexpr Index points = winograd_1d_points(together, Packets);
    for (Index i = 0; i < Winograd::input; i += points) {
      if (tap == 0) {
        fetch_ahead(points * part, next + i * part);
      }
      winograd_1d_weight_tile<T, points, together, Packets>(
          plan, layout, rows, v + i * plan.point, plan.taps.data() + tap,
          gradients + i * layout.point, du + (i * taps + tap) * plan.width);
    }
  };
  Index tap = 0;
  if constexpr (vector_registers == 32 || Packets == 1) {
    take_rows<9>(tap, taps, add);
  }
  take_rows<3>(tap, taps, add);
}

/// dU of a job. `left` rows of dy follow it, which are fetched while it is multiplied.
template <class T>
void winograd_1d_weight_in_blocks(const Winograd1dPlan<T>& plan,
                                  const Winograd1dGradients<T>& layout, Index rows_of_job,
                                  Index left, const T* v, const T* dy, T* gradients, T* du) {
  const WinogradTiles& d = plan.d;
  const Index size = Winograd::input * static_cast<Index>(plan.taps.size());  // of an output
  const Index row_of_dy = d.out_w * d.o;
  for (Index n = 0; n < d.o; n += layout.panel) {
    const Index outputs = std::min(layout.panel, d.o - n);
    for (Index row = 0; row < rows_of_job; row += layout.rows) {
      const Index rows = std::min(layout.rows, rows_of_job - row);
      const T* const from = dy + row * row_of_dy;
      winograd_1d_output_gradients(plan, layout, rows, from + n, outputs, gradients);
      const Index next = std::min(layout.rows, rows_of_job + left - row - rows);
      const auto add = [&](auto together, Index packet) {
        // The first packets fetch the next rows of dy whole, for all panels.
        const bool fetches = n == 0 && packet == 0;
        winograd_1d_weight_products<T, together>(
            plan, layout, rows, v + row * plan.row, gradients + packet * plan.width,
            du + (n + packet * plan.width) * size, from + rows * row_of_dy,
            fetches ? next * row_of_dy / Winograd::input : 0);
      };
      const Index packets = (outputs + plan.width - 1) / plan.width;
      Index packet = 0;
      take_rows<Winograd1dGradients<T>::packets>(packet, packets, add);
      take_rows<2>(packet, packets, add);
      take_rows<1>(packet, packets, add);
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
