#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"

CNNRNN_KERNELS_BEGIN

/// How the outputs along an axis fall into tiles: `wide` ones of `side` outputs, behind them
/// `narrow` ones of one less.
struct WinogradSplit {
  Index side, wide, narrow;

  WinogradSplit(Index outputs, Index most) : side(most) {
    const Index all = (std::max<Index>(0, outputs) + side - 1) / side;
    narrow = side > 1 ? std::min(all, all * side - outputs) : 0;
    wide = all - narrow;
  }

  Index count() const { return wide + narrow; }
  Index begin(Index tile) const { return tile * side - std::max<Index>(0, tile - wide); }
  bool is_wide(Index tile) const { return tile < wide; }
};

/// The kinds of tiles, in an order in which those that are wide along an axis are neighbours:
/// narrow down and wide across, wide, wide down and narrow across, narrow.
struct WinogradKind {
  static constexpr Index count = 4;

  static constexpr Index of(bool wide_down, bool wide_across) {
    return wide_down ? (wide_across ? 1 : 2) : (wide_across ? 0 : 3);
  }
  /// The outputs of a tile of a kind where a wide one has `wide`.
  static constexpr Size2d side(Index kind, const Size2d& wide) {
    return {kind == 1 || kind == 2 || wide.h == 1 ? wide.h : wide.h - 1,
            kind <= 1 || wide.w == 1 ? wide.w : wide.w - 1};
  }
};

/// The tiles of some rows of images, counted kind by kind.
class WinogradBlock {
 public:
  WinogradBlock(const WinogradSplit& down, const WinogradSplit& across, Index begin, Index end)
      : down_(down), across_(across), wide_begin_(wide_before(begin)), begin_(begin), end_(end) {
    const Index wide = wide_before(end) - wide_begin_;
    const Index narrow = end - begin - wide;
    firsts_ = {0, narrow * across_.wide, 0, 0, (end - begin) * across_.count()};
    firsts_[2] = firsts_[1] + wide * across_.wide;
    firsts_[3] = firsts_[2] + wide * across_.narrow;
  }

  Index count() const { return firsts_.back(); }
  /// The first tile of a kind, or of the next.
  Index first(Index kind) const { return firsts_[static_cast<std::size_t>(kind)]; }

  /// Calls body(tile, its kind, index) for the tiles of the rows begin ... end, which are in the
  /// block.
  template <class Body>
  void for_rows(Index begin, Index end, const Body& body) const {
    for (Index row = begin; row < end; ++row) {
      const Index image = row / down_.count();
      const Index row_of_image = row % down_.count();
      const bool wide_down = down_.is_wide(row_of_image);
      const Index wide = wide_before(row) - wide_begin_;
      const Index line = wide_down ? wide : row - begin_ - wide;
      for (Index column = 0; column < across_.count(); ++column) {
        const bool wide_across = across_.is_wide(column);
        const Index kind = WinogradKind::of(wide_down, wide_across);
        body(WinogradTile{image, down_.begin(row_of_image), across_.begin(column)}, kind,
             first(kind) + (wide_across ? line * across_.wide + column
                                        : line * across_.narrow + column - across_.wide));
      }
    }
  }
  template <class Body>
  void for_all(const Body& body) const {
    for_rows(begin_, end_, body);
  }

 private:
  Index wide_before(Index row) const {
    return row / down_.count() * down_.wide + std::min(row % down_.count(), down_.wide);
  }

  WinogradSplit down_, across_;
  Index wide_begin_;
  Index begin_, end_;
  std::array<Index, WinogradKind::count + 1> firsts_{};
};

/// Pixels of images (N, H, W, C), every step-th row and column, which may reach outside of the
/// image.
template <class T>
struct ImageGrid {
  T* image;
  Index h, w, c;
  Index row, column;
  Size2d size;
  Size2d step;

  bool inside() const {
    return row >= 0 && column >= 0 && row + (size.h - 1) * step.h < h &&
           column + (size.w - 1) * step.w < w;
  }
  Index row_stride() const { return step.h * w * c; }
  Index column_stride() const { return step.w * c; }
  T* pixel(Index i, Index j) const {
    return image + ((row + i * step.h) * w + column + j * step.w) * c;
  }
  bool has_row(Index i) const { return row + i * step.h >= 0 && row + i * step.h < h; }
  bool has_column(Index j) const { return column + j * step.w >= 0 && column + j * step.w < w; }
};

/// As that of an ImageSquare, below which lies a tile of `side` pixels.
template <bool Writes = false, class T>
void winograd_fetch_below(const ImageGrid<T>& grid, const Size2d& side, Index channel) {
  const T* const first = grid.pixel(grid.size.h, (grid.size.w - side.w) / 2) + channel;
  for (Index i = 0; i < side.h; ++i) {
    for (Index j = 0; j < side.w; ++j) {
      fetch_line<Writes>(first + i * grid.row_stride() + j * grid.column_stride());
    }
  }
}

CNNRNN_KERNELS_END
