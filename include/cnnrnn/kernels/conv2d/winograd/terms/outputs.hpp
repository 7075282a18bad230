#pragma once

#include <algorithm>
#include <type_traits>

#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/outputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/convolution.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/inputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/tiles.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

template <class T>
struct WinogradRelu {
  Packet<T> operator()(Packet<T> value) const { return relu(value); }
};

/// Asks for the pixels that the tile below stores, and for those of its shortcut.
template <class T>
void winograd_fetch_outputs(const ImageGrid<T>& grid, Index channel, const ConvOutput<T>& y) {
  winograd_fetch_below<true>(grid, grid.size, channel);
  if (y.residual != nullptr) {
    ImageGrid<const T> shortcut{y.residual + (grid.image - y.data),
                                grid.h,
                                grid.w,
                                grid.c,
                                grid.row,
                                grid.column,
                                grid.size,
                                grid.step};
    winograd_fetch_below(shortcut, grid.size, channel);
  }
}

/// Stores the pixels of a tile (side, width) that are in the image.
template <class T, class Lanes>
void winograd_store(const ImageGrid<T>& grid, const Lanes& lanes, const T* tile,
                    const ConvOutput<T>& y) {
  for (Index i = 0; i < grid.size.h && grid.has_row(i); ++i) {
    for (Index j = 0; j < grid.size.w && grid.has_column(j); ++j) {
      winograd_store_pixel(grid.pixel(i, j), lanes,
                           Packet<T>::load(tile + (i * grid.size.w + j) * Packet<T>::width), y);
    }
  }
}

/// As those of WinogradTiles, but nothing is pooled.
template <class T, class Lanes>
void winograd_outputs(const WinogradTerms& d, Index begin, Index end, Index n0, const Lanes& lanes,
                      const T* m, Index m_point, Index m_tile, const ConvOutput<T>& y) {
  constexpr Index width = Packet<T>::width;
  constexpr bool whole_packet = std::is_same_v<Lanes, WholeLanes<T>>;
  using Transforms = WinogradTransforms<T>;
  const bool direct = whole_packet && !y.accumulate && y.residual == nullptr;
  const auto plain = Transforms::template of<WinogradOutput>(d.most, d.side);
  const auto finished =
      y.rectifies() ? Transforms::template of<WinogradOutput, WinogradRelu<T>>(d.most, d.side)
                    : plain;
  const Index pixel = d.result_pixel();
  const Index m_row = winograd_points(d.most.w) * m_point;
  d.block_of(begin, end).for_all([&](const WinogradTile& tile, Index kind, Index index) {
    const T* const products = m + index * m_tile;
    const ImageGrid<T> grid{y.data + tile.image * d.out_h * d.out_w * pixel + n0,
                            d.out_h,
                            d.out_w,
                            pixel,
                            d.first.h + tile.row * d.step.h,
                            d.first.w + tile.column * d.step.w,
                            WinogradKind::side(kind, d.side),
                            d.step};
    if (!d.is_last(tile.image)) {
      winograd_fetch_outputs(grid, lanes.at, y);
    }
    if (direct && grid.inside()) {
      finished[kind](products, m_row, m_point, grid.pixel(0, 0) + lanes.at, grid.row_stride(),
                     grid.column_stride());
      return;
    }
    T whole[static_cast<std::size_t>(Winograd::output * Winograd::output * width)];
    plain[kind](products, m_row, m_point, whole, grid.size.w * width, width);
    winograd_store(grid, lanes, whole, y);
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
