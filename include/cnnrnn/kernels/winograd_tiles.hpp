#pragma once

#include <algorithm>
#include <numeric>

#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/lanes.hpp"
#include "cnnrnn/kernels/winograd_transform.hpp"

CNNRNN_KERNELS_BEGIN

/// How a 3x3 convolution at stride one, from (N, H, W, C) to (N, OH, OW, O), falls into tiles of
/// 4 x 4 outputs: TH x TW of them an image, those at the rim partly outside. A row of tiles is TW
/// of them beside each other; rows are counted through all images.
struct WinogradTiles {
  Index n, h, w, c;
  Index out_h, out_w, o;
  Size2d padding;

  Index columns() const { return (out_w + Winograd::output - 1) / Winograd::output; }
  Index rows_of_image() const { return (out_h + Winograd::output - 1) / Winograd::output; }
  Index rows() const { return n * rows_of_image(); }

  /// Rows that together have about `tiles` tiles and fill the register tiles of `unit` tiles.
  Index block(Index tiles, Index unit) const {
    const Index step = unit / std::gcd(unit, columns());
    return std::max<Index>(1, tiles / (step * columns())) * step;
  }
};

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

/// A square of Size x Size pixels of an image (H, W, C) that starts at (row, column) and may reach
/// outside, where it reads zeros.
template <class T, Index Size>
class ImageSquare {
 public:
  ImageSquare(const T* image, Index h, Index w, Index c, Index row, Index column)
      : image_(image), w_(w), c_(c), row_(row), column_(column) {
    rows_ = {std::max<Index>(0, -row), std::min(Size, h - row)};
    columns_ = {std::max<Index>(0, -column), std::min(Size, w - column)};
  }

  bool whole() const { return rows_ == Range{0, Size} && columns_ == Range{0, Size}; }

  template <class Lanes>
  Packet<T> load(const Lanes& lanes, Index i, Index j) const {
    return lanes.load(image_ + ((row_ + i) * w_ + column_ + j) * c_);
  }
  template <class Lanes>
  Packet<T> load_checked(const Lanes& lanes, Index i, Index j) const {
    return rows_.has(i) && columns_.has(j) ? load(lanes, i, j) : Packet<T>::zero();
  }

 private:
  struct Range {
    Index begin, end;
    bool has(Index i) const { return i >= begin && i < end; }
    friend bool operator==(const Range&, const Range&) = default;
  };

  const T* image_;
  Index w_, c_, row_, column_;
  Range rows_{}, columns_{};
};

/// A transform of all channels of one square: to (point, packet of channels) at the layout's
/// places.
template <class T, class Transform, Index Size>
[[gnu::flatten]] void winograd_square(const ImageSquare<T, Size>& square, Index channels,
                                      const WinogradLayout& layout, T* to) {
  for_each_lanes<T>(channels, [=](const auto& lanes) {
    T* const target = to + lanes.at / Packet<T>::width * layout.packet;
    const auto store = [=](Index i, Index j, Packet<T> value) {
      value.store(target + (i * Winograd::input + j) * layout.point);
    };
    if (square.whole()) {
      winograd_transform<T, Transform>([=](Index i, Index j) { return square.load(lanes, i, j); },
                                       store);
    } else {
      winograd_transform<T, Transform>(
          [=](Index i, Index j) { return square.load_checked(lanes, i, j); }, store);
    }
  });
}

/// V = B^T d B of the tiles in the rows begin ... end of x (N, H, W, C).
template <class T>
void winograd_inputs(const WinogradTiles& d, Index begin, Index end, const T* x,
                     const WinogradLayout& layout, T* v) {
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const ImageSquare<T, Winograd::input> square(x + tile.image * d.h * d.w * d.c, d.h, d.w, d.c,
                                                 tile.row - d.padding.h, tile.column - d.padding.w);
    winograd_square<T, detail::WinogradInput>(square, d.c, layout, v + index * layout.tile);
  });
}

/// D = A dy A^T of the same tiles, for `outputs` channels of dy (N, OH, OW, O).
template <class T>
void winograd_output_gradients(const WinogradTiles& d, Index begin, Index end, const T* dy,
                               Index outputs, const WinogradLayout& layout, T* to) {
  for_winograd_tiles(d, begin, end, [&](const WinogradTile& tile, Index index) {
    const ImageSquare<T, Winograd::output> square(dy + tile.image * d.out_h * d.out_w * d.o,
                                                  d.out_h, d.out_w, d.o, tile.row, tile.column);
    winograd_square<T, detail::WinogradOutputGradient>(square, outputs, layout,
                                                       to + index * layout.tile);
  });
}

CNNRNN_KERNELS_END
