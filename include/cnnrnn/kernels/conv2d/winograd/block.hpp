#pragma once

#include <algorithm>
#include <functional>
#include <type_traits>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/tile.hpp"
#include "cnnrnn/kernels/pool/max_pool.hpp"

// Convolutions by Winograd's F(4x4, 3x3), a block of tiles at a time that stays in the second
// cache.
//
//   V (points, C / width, tiles, width)   the block's transformed inputs
//   U (panels, points, C, columns)        all transformed weights; a panel is two packets of
//                                         outputs, or one where only one is left
//   M (points, tiles, columns)            their products for one panel

CNNRNN_KERNELS_BEGIN

namespace detail {

/// c (Rows, columns) = start + a b of one point: a (K / width, tiles, width), b (K, columns).
template <class T, Index Rows, Index Vectors>
[[gnu::flatten, gnu::noinline]] void winograd_product(Index k, const T* a, Index a_packet,
                                                      const T* b, TileStart<T> start, T* c) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Rows)][static_cast<std::size_t>(Vectors)];
  unroll<Rows>([&](auto i) {
    unroll<Vectors>([&](auto v) {
      sum[i][v] = start.data != nullptr ? P::load(start.data + i * start.row_stride + v * P::width)
                                        : P::zero();
    });
  });
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

/// M of one panel, or what some of the channels add to it. Adding the bias to the point (1, 1) of a
/// tile adds it to all its outputs, because the second column of A^T is ones.
template <class T, Index Vectors>
void winograd_products(Index tiles, Index k, const T* v, const WinogradLayout& layout, const T* u,
                       const T* bias, T* m, Index m_point, bool accumulate) {
  constexpr Index columns = Vectors * Packet<T>::width;
  constexpr Index rows = winograd_rows<T, Vectors>;
  constexpr Index ones = Winograd::input + 1;
  constexpr Index third = rows / 3;
  for (Index point = 0; point < Winograd::points; ++point) {
    for (Index t = 0, step = 0; t < tiles; t += step) {
      step = tile_step(tiles - t, third);
      const auto product = step == rows        ? winograd_product<T, rows, Vectors>
                           : step == 2 * third ? winograd_product<T, 2 * third, Vectors>
                                               : winograd_product<T, third, Vectors>;
      T* const c = m + point * m_point + t * columns;
      product(
          k, v + point * layout.point + t * layout.tile, layout.packet, u + point * k * columns,
          accumulate ? TileStart<T>{c, columns} : TileStart<T>{point == ones ? bias : nullptr, 0},
          c);
    }
  }
}

/// Asks for the pixels that the tile below stores, and for those of its shortcut.
template <class T>
void winograd_fetch_outputs(const ImageSquare<T, Winograd::output>& square, Index channel,
                            const ConvOutput<T>& y) {
  winograd_fetch_below<true>(square, channel);
  if (y.residual != nullptr) {
    const T* const shortcut = y.residual + (square.image - y.data);
    winograd_fetch_below(
        ImageSquare<const T, Winograd::output>{shortcut, square.h, square.w, square.c, square.row,
                                               square.column},
        channel);
  }
}

/// Stores the pixels of a tile (4, 4, width) that are in the image, with what else y asks for.
template <class T, class Lanes>
void winograd_store(const ImageSquare<T, Winograd::output>& square, const Lanes& lanes,
                    const T* tile, const ConvOutput<T>& y) {
  constexpr Index size = Winograd::output;
  for (Index i = 0; i < std::min(size, square.h - square.row); ++i) {
    for (Index j = 0; j < std::min(size, square.w - square.column); ++j) {
      T* const pixel = square.pixel(i, j);
      auto value = Packet<T>::load(tile + (i * size + j) * Packet<T>::width);
      if (y.accumulate) {
        value = value + lanes.load(pixel);
      }
      if (y.residual != nullptr) {
        value = value + lanes.load(y.residual + (pixel - y.data));
      }
      lanes.store(pixel, y.rectifies() ? relu(value) : value);
    }
  }
}

/// Stores the largest of each window of 2 x 2 of a tile (4, 4, width) in a square of half the size,
/// where the window is whole.
template <class T, class Lanes>
void winograd_store_pooled(const ImageSquare<T, Winograd::output / 2>& square, const Lanes& lanes,
                           const T* tile, const ConvOutput<T>& y) {
  constexpr Index size = Winograd::output;
  constexpr Index width = Packet<T>::width;
  for (Index i = 0; i < std::min(size / 2, square.h - square.row); ++i) {
    for (Index j = 0; j < std::min(size / 2, square.w - square.column); ++j) {
      const auto at = [&](Index k, Index l) {
        return Packet<T>::load(tile + ((2 * i + k) * size + 2 * j + l) * width);
      };
      const auto largest = larger(larger(at(0, 0), at(0, 1)), larger(at(1, 0), at(1, 1)));
      lanes.store(square.pixel(i, j), y.rectifies() ? relu(largest) : largest);
    }
  }
}

/// y = A^T M A of a block's tiles, for the outputs of `lanes` behind output n0 of all groups, a
/// packet at most.
template <class T, class Lanes>
void winograd_outputs(const WinogradTiles& d, Index begin, Index end, Index n0, const Lanes& lanes,
                      const T* m, Index m_point, Index m_tile, const ConvOutput<T>& y) {
  constexpr Index size = Winograd::output;
  constexpr Index width = Packet<T>::width;
  constexpr bool whole_packet = std::is_same_v<Lanes, WholeLanes<T>>;
  const bool direct = whole_packet && !y.accumulate && y.residual == nullptr;
  const Index h = y.pool ? d.out_h / 2 : d.out_h, w = y.pool ? d.out_w / 2 : d.out_w;
  const Index pixel = d.result_pixel();
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const auto transform = [&](T* to, Index to_row, Index to_column, const auto& finish) {
      winograd_transform<T, WinogradOutput>(m + index * m_tile, Winograd::input * m_point, m_point,
                                            to, to_row, to_column, finish);
    };
    T* const image = y.data + tile.image * h * w * pixel + n0;
    if (y.pool) {
      T whole[static_cast<std::size_t>(size * size * width)];
      transform(whole, size * width, width, std::identity());
      winograd_store_pooled<T>({image, h, w, pixel, tile.row / 2, tile.column / 2}, lanes, whole,
                               y);
      return;
    }
    const ImageSquare<T, size> square{image, h, w, pixel, tile.row, tile.column};
    if (!d.is_last(tile.image)) {
      winograd_fetch_outputs(square, lanes.at, y);
    }
    if (direct && square.inside()) {
      T* const to = square.pixel(0, 0) + lanes.at;
      y.rectifies() ? transform(to, w * pixel, pixel, [](Packet<T> value) { return relu(value); })
                    : transform(to, w * pixel, pixel, std::identity());
      return;
    }
    T whole[static_cast<std::size_t>(size * size * width)];
    transform(whole, size * width, width, std::identity());
    winograd_store(square, lanes, whole, y);
  });
}

/// A convolution's blocks of rows of tiles, and the scratch memory of one. The rows are halved
/// before they are cut into blocks, so that of two threads none waits for the other's last block.
template <class T>
struct WinogradPlan {
  static constexpr Index width = Packet<T>::width;

  struct Rows {
    Index begin, end;
  };

  explicit WinogradPlan(const WinogradTiles& d) : rows(d.rows()) {
    constexpr Index unit = winograd_rows<T, 1>;
    constexpr Index cache = (400 << 10) / static_cast<Index>(sizeof(T));
    const Index channels = round_up(d.c, width);
    const Index all = rows * d.columns();
    const Index most = d.block(cache / (Winograd::points * std::max(channels, 2 * width)), unit);
    // Threads share the outputs, and with them U, where these are many and tiles few, or groups.
    const bool shares_outputs = all < 2 * unit && (d.groups > 1 || d.o > 8 * all);
    part = shares_outputs ? rows : (rows + 1) / 2;
    const Index wanted = shares_outputs ? 1 : std::max<Index>(1, (part + most - 1) / most);
    block = std::max<Index>(1, (part + wanted - 1) / wanted);
    blocks_of_part = (part + block - 1) / block;
    const Index tiles = round_up(block * d.columns(), unit);
    // A packet more than the data: points must not share their sets in the cache.
    layout = {tiles * channels + width, tiles * width, width};
    m_point = tiles * 2 * width + width;
  }

  Index blocks() const { return part < rows ? 2 * blocks_of_part : blocks_of_part; }

  /// The rows of a block; the last one may have none.
  Rows block_rows(Index index) const {
    const Index first = index / blocks_of_part * part;
    const Index begin = first + index % blocks_of_part * block;
    return {begin, std::min({rows, first + part, begin + block})};
  }

  Index v_size() const { return Winograd::points * layout.point; }
  Index size() const { return v_size() + Winograd::points * m_point; }

  Index rows;   ///< of tiles
  Index part;   ///< of them in each half
  Index block;  ///< of them in a block
  Index blocks_of_part;
  WinogradLayout layout;
  Index m_point;
};

/// The outputs first ... last, whole panels of them, of a group in one block, the rows begin ...
/// end of tiles. U is that of the group. The bias is padded to whole panels, or null.
template <class T>
void winograd_block(const WinogradTiles& d, const WinogradPlan<T>& plan, Index begin, Index end,
                    Index group, Index first, Index last, const T* x, const T* u, const T* bias,
                    const ConvOutput<T>& y) {
  constexpr Index width = Packet<T>::width;
  const ThreadScratch<T> scratch(plan.size());
  T* const v = scratch.data();
  T* const m = v + plan.v_size();
  winograd_inputs(d, begin, end, x + group * d.c, plan.layout, v);
  for (Index n0 = first; n0 < last; n0 += 2 * width) {
    const bool wide = d.o - n0 > width;
    const Index columns = wide ? 2 * width : width;
    const auto products = wide ? winograd_products<T, 2> : winograd_products<T, 1>;
    products((end - begin) * d.columns(), d.c, v, plan.layout, u + n0 * Winograd::points * d.c,
             bias != nullptr ? bias + group * d.o + n0 : nullptr, m, plan.m_point, false);
    for_each_lanes<T>(std::min(columns, d.o - n0), [&](const auto& lanes) {
      winograd_outputs(d, begin, end, group * d.o + n0, lanes, m + lanes.at, plan.m_point, columns,
                       y);
    });
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
