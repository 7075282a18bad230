#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/winograd/transform.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// A convolution from (N, H, W, groups C) to (N, OH, OW, groups O).
struct WinogradShape {
  Index n, h, w, c;
  Index out_h, out_w, o;
  Index groups = 1;

  /// From one pixel to the next.
  Index source_pixel() const { return groups * c; }
  Index result_pixel() const { return groups * o; }

  bool is_last(Index image) const { return image + 1 == n; }
};

/// How a 3x3 convolution at stride one falls into tiles of 4 x 4 outputs: TH x TW of them an image,
/// those at the rim partly outside. A row of tiles is TW of them beside each other; rows are
/// counted through all images.
struct WinogradTiles : WinogradShape {
  Size2d padding;

  /// Of the products of a tile, and of the inputs and weights of which they are made.
  static constexpr Index points() { return Winograd::points; }
  static constexpr Index all_points() { return Winograd::points; }

  Index columns() const { return (out_w + Winograd::output - 1) / Winograd::output; }
  Index rows_of_image() const { return (out_h + Winograd::output - 1) / Winograd::output; }
  Index rows() const { return n * rows_of_image(); }
  Index tiles() const { return rows() * columns(); }

  /// The first pixel of y, counted through all images, that is in row `row` of tiles or behind it.
  Index first_pixel(Index row) const {
    const Index first_row = row % rows_of_image() * Winograd::output;
    return (row / rows_of_image() * out_h + first_row) * out_w;
  }

  /// Places for so many tiles in register tiles of `unit`.
  static Index room(Index tiles, Index unit) { return round_up(tiles, unit); }

  /// Rows that together have about `tiles` tiles and fill the register tiles of `unit` tiles.
  Index block(Index tiles, Index unit) const {
    const Index step = unit / std::gcd(unit, columns());
    return std::max<Index>(1, tiles / (step * columns())) * step;
  }
};

/// The tiles of y.
inline WinogradTiles forward_tiles(const Conv2dDims& d) {
  return {{d.n, d.h, d.w, d.group_c(), d.oh(), d.ow(), d.group_o(), d.groups}, d.padding};
}

/// The tiles of dx, seen from dy.
inline WinogradTiles backward_tiles(const Conv2dDims& d) {
  const Size2d padding{2 - d.padding.h, 2 - d.padding.w};
  return {{d.n, d.oh(), d.ow(), d.group_o(), d.h, d.w, d.group_c(), d.groups}, padding};
}

/// One tile: its image, and the row and column of its first output.
struct WinogradTile {
  Index image, row, column;
};

/// Calls body(tile, index) for the tiles of the rows begin ... end; the index counts from 0.
template <class Body>
void for_winograd_tiles(const WinogradTiles& d, Index begin, Index end, const Body& body) {
  Index index = 0;
  for (Index row = begin; row < end; ++row) {
    const Index image = row / d.rows_of_image();
    const Index first_row = row % d.rows_of_image() * Winograd::output;
    for (Index column = 0; column < d.columns(); ++column, ++index) {
      body(WinogradTile{image, first_row, column * Winograd::output}, index);
    }
  }
}

/// Where the element (point, tile, channel) of transformed tiles lies: packets of channels, each at
/// a place of its own for every tile and point.
struct WinogradLayout {
  Index point, packet, tile;
};

/// A square of Size x Size pixels of images (N, H, W, C), which may reach outside of its image.
template <class T, Index Size>
struct ImageSquare {
  T* image;
  Index h, w, c;
  Index row, column;

  bool inside() const { return row >= 0 && column >= 0 && row + Size <= h && column + Size <= w; }
  T* pixel(Index i, Index j) const { return image + ((row + i) * w + column + j) * c; }

  /// Where the pixels lie, from channel `channel` on: those outside of the image on `zeros`.
  std::array<const T*, static_cast<std::size_t>(Size* Size)> pixels(Index channel,
                                                                    const T* zeros) const {
    std::array<const T*, static_cast<std::size_t>(Size * Size)> all;
    const T* const first = image + (row * w + column) * c + channel;
    for (Index i = 0, k = 0; i < Size; ++i) {
      const bool row_there = row + i >= 0 && row + i < h;
      for (Index j = 0; j < Size; ++j, ++k) {
        const bool there = row_there & (column + j >= 0) & (column + j < w);
        all[static_cast<std::size_t>(k)] = there ? first + (i * w + j) * c : zeros;
      }
    }
    return all;
  }
};

/// winograd_transform of elements that lie anywhere, row after row.
template <class T, class Transform, class Lanes, class X, std::size_t Count>
[[gnu::flatten, gnu::noinline]] void winograd_transform_pixels(
    const std::array<const X*, Count>& pixels, const Lanes& lanes, T* to, Index to_row,
    Index to_column) {
  constexpr Index inputs = Transform::inputs;
  const auto line_at = [&](auto j) {
    detail::Line<T, static_cast<std::size_t>(inputs)> line;
    unroll<inputs>([&](auto i) { line[i] = lanes.load(pixels[i * inputs + j]); });
    return line;
  };
  winograd_transform_lines<T, Transform>(line_at, to, to_row, to_column);
}

/// Asks for a packet of the pixels that the tile below has and this one has not in the second
/// cache: they come a row of tiles later, in stretches too short for the machine to see that. Below
/// the last row lies the next image, so there must be one.
template <bool Writes = false, class T, Index Size>
void winograd_fetch_below(const ImageSquare<T, Size>& square, Index channel) {
  const T* const first = square.pixel(Size, (Size - Winograd::output) / 2) + channel;
  for (Index i = 0; i < Winograd::output; ++i) {
    for (Index j = 0; j < Winograd::output; ++j) {
      fetch_line<Writes>(first + (i * square.w + j) * square.c);
    }
  }
}

/// Transforms all channels of a square to the layout's places; outside of its image are zeros. If
/// it is not of the `last` image, asks for what the tile below reads.
template <class T, class Transform, class X, Index Size>
void winograd_square(const ImageSquare<const X, Size>& square, Index channels,
                     const WinogradLayout& layout, T* to, bool last) {
  constexpr Index width = Packet<T>::width;
  static constexpr X zeros[static_cast<std::size_t>(width)] = {};
  const Index to_row = Winograd::input * layout.point;
  const bool inside = square.inside();
  for (Index c = 0; c < channels; c += width, to += layout.packet) {
    if (!last) {
      winograd_fetch_below(square, c);
    }
    if (channels - c < width) {
      winograd_transform_pixels<T, Transform>(
          square.pixels(c, zeros), PartLanes<T>{0, channels - c}, to, to_row, layout.point);
    } else if (!inside) {
      winograd_transform_pixels<T, Transform>(square.pixels(c, zeros), WholeLanes<T>{0}, to, to_row,
                                              layout.point);
    } else {
      winograd_transform<T, Transform>(square.pixel(0, 0) + c, square.w * square.c, square.c, to,
                                       to_row, layout.point);
    }
  }
}

/// V = B^T d B of the tiles in the rows begin ... end of x, for the channels of one group.
template <class T, class X>
void winograd_inputs(const WinogradTiles& d, Index begin, Index end, const X* x,
                     const WinogradLayout& layout, T* v) {
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const ImageSquare<const X, Winograd::input> square{
        x + tile.image * d.h * d.w * d.source_pixel(),
        d.h,
        d.w,
        d.source_pixel(),
        tile.row - d.padding.h,
        tile.column - d.padding.w};
    winograd_square<T, detail::WinogradInput3>(square, d.c, layout, v + index * layout.tile,
                                               d.is_last(tile.image));
  });
}

/// V of all tiles, by all threads.
template <class T, class X>
void winograd_all_inputs(const WinogradTiles& d, const X* x, const WinogradLayout& layout, T* v) {
  parallel_for(d.rows(), 1, [&](Index row, Index end) {
    winograd_inputs(d, row, end, x, layout, v + row * d.columns() * layout.tile);
  });
}

/// D = A dy A^T of the same tiles, for `outputs` channels of dy.
template <class T, class Y>
void winograd_output_gradients(const WinogradTiles& d, Index begin, Index end, const Y* dy,
                               Index outputs, const WinogradLayout& layout, T* to) {
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const ImageSquare<const Y, Winograd::output> square{
        dy + tile.image * d.out_h * d.out_w * d.result_pixel(),
        d.out_h,
        d.out_w,
        d.result_pixel(),
        tile.row,
        tile.column};
    winograd_square<T, detail::WinogradOutputGradient3>(
        square, outputs, layout, to + index * layout.tile, d.is_last(tile.image));
  });
}

/// D of all tiles, by all threads.
template <class T, class Y>
void winograd_all_output_gradients(const WinogradTiles& d, const Y* dy, Index outputs,
                                   const WinogradLayout& layout, T* to) {
  parallel_for(d.rows(), 1, [&](Index row, Index end) {
    winograd_output_gradients(d, row, end, dy, outputs, layout,
                              to + row * d.columns() * layout.tile);
  });
}

CNNRNN_KERNELS_END
