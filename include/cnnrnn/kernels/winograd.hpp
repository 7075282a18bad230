#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm_tile.hpp"
#include "cnnrnn/kernels/winograd_tiles.hpp"

// Convolutions by Winograd's F(4x4, 3x3), a block of tiles at a time that stays in the second
// cache.
//
//   V (points, C / width, tiles, width)   the block's transformed inputs
//   U (panels, points, C, columns)        all transformed weights; a panel is two packets of
//                                         outputs, or one where only one is left
//   M (points, tiles, columns)            their products for one panel

CNNRNN_KERNELS_BEGIN

namespace detail {

/// c (Rows, columns) = a b of one point: a (K / width, tiles, width), b (K, columns).
template <class T, Index Rows, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_product(Index k, const T* a, Index a_packet,
                                                      const T* b, T* c) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto i) { unroll<Vectors>([&](auto v) { sum[i][v] = P::zero(); }); });
  for (Index k0 = 0; k0 < k; k0 += P::width, a += a_packet) {
    const Index steps = std::min(P::width, k - k0);
    for (Index step = 0; step < steps; ++step, b += Vectors * P::width) {
      P row_of_b[static_cast<std::size_t>(Vectors)];
      unroll<Vectors>([&](auto v) { row_of_b[v] = P::load(b + v * P::width); });
      unroll<Rows>([&](auto i) {
        const P element_of_a = P::set(a[i * P::width + step]);
        unroll<Vectors>(
            [&](auto v) { sum[i][v] = multiply_add(element_of_a, row_of_b[v], sum[i][v]); });
      });
    }
  }
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) { sum[i][v].store(c + (i * Vectors + v) * P::width); });
  });
}

/// Rows of a register tile with `Vectors` packets of columns.
template <class T, Index Vectors>
inline constexpr Index winograd_rows = Tile<T>::rows* Tile<T>::vectors / Vectors;

/// M of one panel.
template <class T, Index Vectors>
void winograd_products(Index tiles, Index k, const T* v, const WinogradLayout& layout, const T* u,
                       T* m, Index m_point) {
  constexpr Index columns = Vectors * Packet<T>::width;
  constexpr Index rows = winograd_rows<T, Vectors>;
  for (Index point = 0; point < Winograd::points; ++point) {
    for (Index t = 0; t < tiles; t += rows) {
      winograd_product<T, rows, Vectors>(k, v + point * layout.point + t * layout.tile,
                                         layout.packet, u + point * k * columns,
                                         m + point * m_point + t * columns);
    }
  }
}

/// What a convolution leaves in y: its result plus a bias, or added to what is there.
template <class T>
struct WinogradTarget {
  T* y;
  const T* bias;
  bool accumulate;

  bool plain() const { return bias == nullptr && !accumulate; }

  /// Leaves `count` outputs from n on in a pixel.
  void store(const T* value, T* pixel, Index n, Index count) const {
    const T* const start = accumulate ? pixel : bias;
    const auto put = [&](const auto& lanes) {
      const auto result = lanes.load(value - n);
      lanes.store(pixel, plain() ? result : result + lanes.load(start));
    };
    if (count == Packet<T>::width) {
      put(WholeLanes<T>{n});
    } else {
      put(PartLanes<T>{n, count});
    }
  }
};

/// y = A^T M A of a block's tiles, for `count` outputs from n on, a packet at most.
template <class T>
void winograd_outputs(const WinogradTiles& d, Index begin, Index end, Index n, Index count,
                      const T* m, Index m_point, Index m_tile, const WinogradTarget<T>& target) {
  constexpr Index size = Winograd::output;
  constexpr Index width = Packet<T>::width;
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const ImageSquare<T, size> square{target.y + tile.image * d.out_h * d.out_w * d.o,
                                      d.out_h,
                                      d.out_w,
                                      d.o,
                                      tile.row,
                                      tile.column};
    const T* const from = m + index * m_tile;
    if (square.inside() && count == width && target.plain()) {
      winograd_transform<T, WinogradOutput>(from, Winograd::input * m_point, m_point,
                                            square.pixel(0, 0) + n, d.out_w * d.o, d.o);
      return;
    }
    T whole[static_cast<std::size_t>(size * size * width)];
    winograd_transform<T, WinogradOutput>(from, Winograd::input * m_point, m_point, whole,
                                          size * width, width);
    for (Index i = 0; i < size; ++i) {
      for (Index j = 0; j < size; ++j) {
        if (square.has(i, j)) {
          target.store(whole + (i * size + j) * width, square.pixel(i, j), n, count);
        }
      }
    }
  });
}

}  // namespace detail

/// U = G w G^T of the weights, where weight_at(column, k, i, j) is the one from channel k to output
/// `column`.
template <class T, class WeightAt>
Tensor<T> winograd_weights(Index columns, Index k, const WeightAt& weight_at) {
  using P = Packet<T>;
  const Index packets = (columns + P::width - 1) / P::width;
  Tensor<T> packed({packets * P::width * Winograd::points * k});
  T* const all = packed.mutable_data();
  parallel_for(packets * k, 16, [&](Index begin, Index end) {
    for (Index job = begin; job < end; ++job) {
      const Index packet = job / k;
      const Index n0 = packet * P::width;
      T w[Winograd::kernel * Winograd::kernel * P::width];
      for (Index lane = 0; lane < P::width; ++lane) {
        for (Index tap = 0; tap < 9; ++tap) {
          w[tap * P::width + lane] =
              n0 + lane < columns ? weight_at(n0 + lane, job % k, tap / 3, tap % 3) : T(0);
        }
      }
      const Index panel = packet / 2 * 2;
      const Index vectors = std::min<Index>(2, packets - panel);
      T* const to = all + panel * P::width * Winograd::points * k +
                    ((packet - panel) + job % k * vectors) * P::width;
      const Index point = k * vectors * P::width;
      winograd_transform<T, detail::WinogradWeight>(w, Winograd::kernel * P::width, P::width, to,
                                                    Winograd::input * point, point);
    }
  });
  return packed;
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the transformed weights u, plus the bias unless
/// it is null, or added to y.
template <class T>
void winograd_convolve(const WinogradTiles& d, const T* x, const T* u, const T* bias, T* y,
                       bool accumulate) {
  using P = Packet<T>;
  constexpr Index unit = detail::winograd_rows<T, 1>;
  constexpr Index cache = (400 << 10) / static_cast<Index>(sizeof(T));
  const Index packets = (d.c + P::width - 1) / P::width;
  const Index block = d.block(cache / (Winograd::points * packets * P::width), unit);
  const Index tiles = (block * d.columns() + unit - 1) / unit * unit;
  // A cache line more than the data: points must not share their sets in the cache.
  const WinogradLayout layout{packets * tiles * P::width + P::width, tiles * P::width, P::width};
  parallel_for(d.rows(), block, [&](Index begin, Index end) {
    const Index m_point = tiles * 2 * P::width + P::width;
    Tensor<T> scratch({Winograd::points * (layout.point + m_point)});
    T* const v = scratch.mutable_data();
    T* const m = v + Winograd::points * layout.point;
    winograd_inputs(d, begin, end, x, layout, v);
    const Index used = (end - begin) * d.columns();
    for (Index n0 = 0; n0 < d.o; n0 += 2 * P::width) {
      const bool wide = d.o - n0 > P::width;
      const T* const panel = u + n0 * Winograd::points * d.c;
      if (wide) {
        detail::winograd_products<T, 2>(used, d.c, v, layout, panel, m, m_point);
      } else {
        detail::winograd_products<T, 1>(used, d.c, v, layout, panel, m, m_point);
      }
      const Index m_tile = wide ? 2 * P::width : P::width;
      for (Index n = n0; n < std::min(d.o, n0 + m_tile); n += P::width) {
        detail::winograd_outputs(d, begin, end, n, std::min(P::width, d.o - n), m + n - n0, m_point,
                                 m_tile, {y, bias, accumulate});
      }
    }
  });
}

CNNRNN_KERNELS_END
