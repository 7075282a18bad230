#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <type_traits>

#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/pool/max_pool.hpp"

// The outputs of a block of tiles, out of their products.

CNNRNN_KERNELS_BEGIN

namespace detail {

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

/// Stores a pixel, with what else y asks for.
template <class T, class Lanes>
void winograd_store_pixel(T* pixel, const Lanes& lanes, Packet<Accumulator<T>> value,
                          const ConvOutput<T>& y) {
  if (y.accumulate) {
    value = value + lanes.load(pixel);
  }
  if (y.residual != nullptr) {
    value = value + lanes.load(y.residual + (pixel - y.data));
  }
  lanes.store(pixel, y.rectifies() ? relu(value) : value);
}

/// Stores the pixels of a tile (4, 4, width) that are in the image.
template <class T, class Lanes>
void winograd_store(const ImageSquare<T, Winograd::output>& square, const Lanes& lanes,
                    const Accumulator<T>* tile, const ConvOutput<T>& y) {
  using P = Packet<Accumulator<T>>;
  constexpr Index size = Winograd::output;
  for (Index i = 0; i < std::min(size, square.h - square.row); ++i) {
    for (Index j = 0; j < std::min(size, square.w - square.column); ++j) {
      winograd_store_pixel(square.pixel(i, j), lanes, P::load(tile + (i * size + j) * P::width), y);
    }
  }
}

/// Stores the largest of each window of 2 x 2 of a tile (4, 4, width) in a square of half the size,
/// where the window is whole.
template <class T, class Lanes>
void winograd_store_pooled(const ImageSquare<T, Winograd::output / 2>& square, const Lanes& lanes,
                           const Accumulator<T>* tile, const ConvOutput<T>& y) {
  using P = Packet<Accumulator<T>>;
  constexpr Index size = Winograd::output;
  for (Index i = 0; i < std::min(size / 2, square.h - square.row); ++i) {
    for (Index j = 0; j < std::min(size / 2, square.w - square.column); ++j) {
      const auto at = [&](Index k, Index l) {
        return P::load(tile + ((2 * i + k) * size + 2 * j + l) * P::width);
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
                      const Accumulator<T>* m, Index m_point, Index m_tile,
                      const ConvOutput<T>& y) {
  using A = Accumulator<T>;
  constexpr Index size = Winograd::output;
  constexpr Index width = Packet<A>::width;
  constexpr bool whole_packet = std::is_same_v<Lanes, WholeLanes<A>>;
  const bool direct = whole_packet && !y.accumulate && y.residual == nullptr;
  const Index h = y.pool ? d.out_h / 2 : d.out_h, w = y.pool ? d.out_w / 2 : d.out_w;
  const Index pixel = d.result_pixel();
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const auto transform = [&](auto* to, Index to_row, Index to_column, const auto& finish) {
      winograd_transform<A, WinogradOutput3>(m + index * m_tile, Winograd::input * m_point, m_point,
                                             to, to_row, to_column, finish);
    };
    T* const image = y.data + tile.image * h * w * pixel + n0;
    if (y.pool) {
      A whole[static_cast<std::size_t>(size * size * width)];
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
      y.rectifies() ? transform(to, w * pixel, pixel, [](Packet<A> value) { return relu(value); })
                    : transform(to, w * pixel, pixel, std::identity());
      return;
    }
    A whole[static_cast<std::size_t>(size * size * width)];
    transform(whole, size * width, width, std::identity());
    winograd_store(square, lanes, whole, y);
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
