#pragma once

#include <cstddef>
#include <type_traits>

#include "cnnrnn/kernels/conv2d/winograd/1d/inputs.hpp"

// The products of the weight gradient by F(4, 3) where dy is transformed in registers, a packet of
// outputs and two points at a time: for so few channels that the sums of all taps fit in the
// registers beside it.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Up to how many channels the sums fit.
inline constexpr Index winograd_1d_channels_in_registers = vector_registers == 32 ? 3 : 0;

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

/// dU (6, 3, C, width) += V A dy of some rows, for the two points of a group: so many sums as fill
/// the registers.
template <class T, std::size_t Group, Index Channels, class Lanes>
[[gnu::flatten, gnu::noinline]] void winograd_1d_weight_group(const Winograd1dPlan<T>& plan,
                                                              Index rows, const T* v, const T* dy,
                                                              const Lanes& lanes, T* du) {
  using P = Packet<T>;
  constexpr auto points = WinogradOutputGradient3::groups[Group];
  constexpr Index taps = Winograd::kernel * Channels;
  const auto at = [=](Index point, Index tap) { return du + (point * taps + tap) * P::width; };
  P sums[2][static_cast<std::size_t>(taps)];
  unroll<2>(
      [&](auto m) { unroll<taps>([&](auto tap) { sums[m][tap] = P::load(at(points[m], tap)); }); });
  for (Index row = 0; row < rows; ++row, v += plan.row, dy += plan.d.out_w * plan.d.o) {
    const T* place = v;
    for_winograd_1d_gradients(plan.d, dy, lanes, [&](const auto& pixel) {
      Line<T, Winograd::output> line;
      unroll<Winograd::output>([&](auto j) { line[j] = pixel(j); });
      const auto gradients = WinogradOutputGradient3::apply<Group>(line);
      unroll<2>([&](auto m) {
        unroll<taps>([&](auto tap) {
          const Index from = points[m] * plan.point + tap / Channels * plan.row + tap % Channels;
          sums[m][tap] = multiply_add(P::set(place[from]), gradients[m], sums[m][tap]);
        });
      });
      place += plan.d.c;
    });
  }
  unroll<2>(
      [&](auto m) { unroll<taps>([&](auto tap) { sums[m][tap].store(at(points[m], tap)); }); });
}

/// dU of a job.
template <class T>
void winograd_1d_weight_in_registers(const Winograd1dPlan<T>& plan, Index rows, const T* v,
                                     const T* dy, T* du) {
  const Index size = Winograd::input * static_cast<Index>(plan.taps.size());  // of an output
  for_each_lanes<T>(plan.d.o, [&](const auto& lanes) {
    using Lanes = std::decay_t<decltype(lanes)>;
    unroll<static_cast<Index>(WinogradOutputGradient3::groups.size())>([&](auto group) {
      constexpr auto number = static_cast<std::size_t>(group);
      const auto add = plan.d.c == 1   ? winograd_1d_weight_group<T, number, 1, Lanes>
                       : plan.d.c == 2 ? winograd_1d_weight_group<T, number, 2, Lanes>
                                       : winograd_1d_weight_group<T, number, 3, Lanes>;
      add(plan, rows, v, dy, lanes, du + lanes.at * size);
    });
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
