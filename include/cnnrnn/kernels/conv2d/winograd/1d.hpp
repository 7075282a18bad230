#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d/inputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/1d/weight_gradient.hpp"
#include "cnnrnn/kernels/conv2d/winograd/kernels.hpp"

// The forward pass by F(4, 3) along the rows.
//
//   U (panels, 3, C, 6, columns)   transformed weights; a panel is two packets of outputs, or one
//                                  where only one is left

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The products U . V of `Tiles` tiles beside each other and one panel, of `Points` points from
/// `First` on: so many sums as fill the registers.
template <class T, Index First, Index Points, std::size_t Tiles, std::size_t Vectors>
[[gnu::always_inline]] inline void winograd_1d_products(
    const Winograd1dPlan<T>& plan, const T* v, const T* u, const T* bias,
    Line<T, Winograd::input> (&products)[Tiles][Vectors]) {
  using P = Packet<T>;
  constexpr auto tiles = static_cast<Index>(Tiles), vectors = static_cast<Index>(Vectors);
  P sums[Tiles][Vectors][static_cast<std::size_t>(Points)];
  unroll<vectors>([&](auto p) {
    const P start = bias != nullptr ? P::load(bias + p * P::width) : P::zero();
    unroll<tiles>([&](auto t) {
      // The column of A^T for the point 1 is ones.
      unroll<Points>([&](auto i) { sums[t][p][i] = First + i == 1 ? start : P::zero(); });
    });
  });
  const Index point = plan.point, tile = plan.d.c;
  v += First * point;
  u += First * vectors * P::width;
  for (const Index tap : plan.taps) {
    const T* from = v + tap;
    unroll<Points>([&](auto i) {
      P weights[Vectors];
      unroll<vectors>(
          [&](auto p) { weights[p] = in_register(P::load(u + (i * vectors + p) * P::width)); });
      unroll<tiles>([&](auto t) {
        const P element = P::set(from[t * tile]);
        unroll<vectors>(
            [&](auto p) { sums[t][p][i] = multiply_add(element, weights[p], sums[t][p][i]); });
      });
      from += point;
    });
    u += Winograd::input * vectors * P::width;
  }
  unroll<tiles>([&](auto t) {
    unroll<vectors>([&](auto p) {
      unroll<Points>([&](auto i) { products[t][p][First + i] = sums[t][p][i]; });
    });
  });
}

/// y = A^T (U . V) of `Tiles` tiles beside each other and one panel, plus the bias unless it is
/// null.
template <class T, Index Tiles, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_1d_tile(const Winograd1dPlan<T>& plan, const T* v,
                                                      const T* u, const T* bias, T* y,
                                                      Index y_pixel) {
  using P = Packet<T>;
  constexpr Index points = vector_registers == 32 ? 6 : 3;
  Line<T, Winograd::input> products[static_cast<std::size_t>(Tiles)]
                                   [static_cast<std::size_t>(Vectors)];
  unroll<Winograd::input / points>([&](auto part) {
    winograd_1d_products<T, part * points, points>(plan, v, u, bias, products);
  });
  unroll<Tiles>([&](auto t) {
    unroll<Vectors>([&](auto p) {
      winograd_transform_line<T, WinogradOutput3>(products[t][p], [&](Index k, P value) {
        value.store(y + (t * Winograd::output + k) * y_pixel + p * P::width);
      });
    });
  });
}

/// The same where only `pixels` x `outputs` of it may exist, or where y is added to.
template <class T, Index Tiles, Index Vectors>
void winograd_1d_rim_tile(const Winograd1dPlan<T>& plan, const T* v, const T* u, const T* bias,
                          T* y, Index pixels, Index outputs, bool accumulate) {
  constexpr Index most = Tiles * Winograd::output;
  constexpr Index columns = Vectors * Packet<T>::width;
  if (pixels >= most && outputs >= columns && !accumulate) {
    winograd_1d_tile<T, Tiles, Vectors>(plan, v, u, bias, y, plan.d.o);
    return;
  }
  T whole[static_cast<std::size_t>(most * columns)];
  winograd_1d_tile<T, Tiles, Vectors>(plan, v, u, bias, whole, columns);
  for (Index p = 0; p < std::min(pixels, most); ++p) {
    T* const to = y + p * plan.d.o;
    for_each_lanes<T>(std::min(outputs, columns), [&](const auto& lanes) {
      const auto value = lanes.load(whole + p * columns);
      lanes.store(to, accumulate ? value + lanes.load(to) : value);
    });
  }
}

/// One panel of a row of y.
template <class T, Index Vectors>
void winograd_1d_row(const Winograd1dPlan<T>& plan, const T* v, const T* u, const T* bias, T* y,
                     Index outputs, bool accumulate) {
  constexpr Index tiles = 4 / Vectors;
  static_assert(tiles <= Winograd1dPlan<T>::most_tiles);
  for (Index q = 0; q < plan.d.out_w; q += tiles * Winograd::output, v += tiles * plan.d.c) {
    winograd_1d_rim_tile<T, tiles, Vectors>(plan, v, u, bias, y + q * plan.d.o, plan.d.out_w - q,
                                            outputs, accumulate);
  }
}

}  // namespace detail

/// U = G w of the kernels from k channels to each output, line by line.
template <class T>
Tensor<T> winograd_1d_weights(Index columns, Index k, const WinogradKernels<T>& kernels) {
  using P = Packet<T>;
  constexpr Index side = Winograd::kernel;
  const Index packets = (columns + P::width - 1) / P::width;
  const Index size = side * k * Winograd::input;  // of an output
  Tensor<T> packed({packets * P::width * size});
  for (Index packet = 0; packet < packets; ++packet) {
    const Index n0 = packet * P::width;
    const Index panel = packet / 2 * 2;
    const Index step = std::min<Index>(2, packets - panel) * P::width;
    T* const all = packed.mutable_data() + panel * P::width * size + (packet - panel) * P::width;
    for (Index channel = 0; channel < k; ++channel) {
      T w[static_cast<std::size_t>(side * side * P::width)];
      kernels.read(WinogradKernelTaps{}, n0, std::min(P::width, columns - n0), channel, w);
      for (Index i = 0; i < side; ++i) {
        detail::Line<T, Winograd::kernel> line;
        unroll<side>([&](auto j) { line[j] = P::load(w + (i * side + j) * P::width); });
        T* const to = all + (i * k + channel) * Winograd::input * step;
        winograd_transform_line<T, detail::WinogradWeight3>(
            line, [&](Index point, P value) { value.store(to + point * step); });
      }
    }
  }
  return packed;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the transformed weights u.
template <class T>
void winograd_1d_convolve(const WinogradTiles& d, const T* x, const T* u, const ConvOutput<T>& y) {
  const detail::Winograd1dPlan<T> plan(d);
  std::vector<T> bias;
  if (y.bias != nullptr) {
    bias.assign(y.bias, y.bias + d.o);
    bias.resize(static_cast<std::size_t>(d.o + plan.panel));
  }
  parallel_for(plan.jobs(), 1, [&](Index job, Index) {
    const ThreadScratch<T> inputs(plan.scratch_size());
    T* v = inputs.data();
    detail::winograd_1d_inputs(plan, job, x, v);
    const Index first = plan.first_row(job), last = first + plan.rows(job);
    for (Index row = first; row < last; ++row, v += plan.row) {
      for (Index n = 0; n < d.o; n += plan.panel) {
        const bool wide = d.o - n > plan.width;
        const auto make = wide ? detail::winograd_1d_row<T, 2> : detail::winograd_1d_row<T, 1>;
        make(plan, v, u + n * Winograd::kernel * d.c * Winograd::input,
             y.bias != nullptr ? bias.data() + n : nullptr, y.data + row * d.out_w * d.o + n,
             d.o - n, y.accumulate);
      }
    }
    y.finish(job, first * d.out_w, last * d.out_w);
  });
}

CNNRNN_KERNELS_END
