#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/convolution.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/transform.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// What tiles.hpp does for WinogradTiles, for WinogradTerms.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Copies the lanes of a grid to (size, width), with zeros for what is outside of its image.
template <class T, class Lanes>
void winograd_copy(const ImageGrid<const T>& grid, const Lanes& lanes, T* to) {
  constexpr Index width = Packet<T>::width;
  for (Index i = 0; i < grid.size.h; ++i) {
    const bool has_row = grid.has_row(i);
    for (Index j = 0; j < grid.size.w; ++j, to += width) {
      const bool there = has_row && grid.has_column(j);
      (there ? lanes.load(grid.pixel(i, j)) : Packet<T>::zero()).store(to);
    }
  }
}

/// Transforms all channels of a grid to the layout's places, the points of a row `to_row` apart;
/// outside of its image are zeros. If it is not of the `last` image, asks for what the tile below,
/// of `side` outputs, reads.
template <class T>
void winograd_grid(const WinogradTransform<T>& transform, const ImageGrid<const T>& grid,
                   const Size2d& side, Index channels, const WinogradLayout& layout, T* to,
                   Index to_row, bool last) {
  constexpr Index width = Packet<T>::width;
  const bool inside = grid.inside();
  for (Index c = 0; c < channels; c += width, to += layout.packet) {
    if (!last) {
      winograd_fetch_below(grid, side, c);
    }
    if (inside && channels - c >= width) {
      transform(grid.pixel(0, 0) + c, grid.row_stride(), grid.column_stride(), to, to_row,
                layout.point);
      continue;
    }
    T copy[static_cast<std::size_t>(Winograd::points * width)];
    if (channels - c >= width) {
      winograd_copy(grid, WholeLanes<T>{c}, copy);
    } else {
      winograd_copy(grid, PartLanes<T>{c, channels - c}, copy);
    }
    transform(copy, grid.size.w * width, width, to, to_row, layout.point);
  }
}

/// The transforms of tiles of all kinds, for kernels of so many taps.
template <class T>
class WinogradTransforms {
 public:
  template <template <Index, Index> class Transform, class Finish = std::identity>
  static WinogradTransforms of(const Size2d& taps, const Size2d& wide) {
    WinogradTransforms all;
    for (Index kind = 0; kind < WinogradKind::count; ++kind) {
      all.kinds_[static_cast<std::size_t>(kind)] =
          WinogradTransform<T>::template of<Transform, Finish>(taps,
                                                               WinogradKind::side(kind, wide));
    }
    return all;
  }

  const WinogradTransform<T>& operator[](Index kind) const {
    return kinds_[static_cast<std::size_t>(kind)];
  }

 private:
  std::array<WinogradTransform<T>, WinogradKind::count> kinds_;
};

/// V of the rows begin ... end of a block, term behind term.
template <class T>
void winograd_inputs(const WinogradTerms& d, const WinogradBlock& block, Index begin, Index end,
                     const T* x, const WinogradLayout& layout, T* v) {
  for (const WinogradTerm& term : d.terms) {
    const auto transforms = WinogradTransforms<T>::template of<WinogradInput>(term.taps, d.side);
    block.for_rows(begin, end, [&](const WinogradTile& tile, Index kind, Index index) {
      const Size2d side = WinogradKind::side(kind, d.side);
      const ImageGrid<const T> grid{x + tile.image * d.h * d.w * d.source_pixel(),
                                    d.h,
                                    d.w,
                                    d.source_pixel(),
                                    term.source.h + tile.row * term.source_step.h,
                                    term.source.w + tile.column * term.source_step.w,
                                    winograd_points(term.taps, side),
                                    term.source_step};
      winograd_grid(transforms[kind], grid, side, d.c, layout, v + index * layout.tile,
                    term.size().w * layout.point, d.is_last(tile.image));
    });
    v += term.points() * layout.point;
  }
}

/// D of the rows begin ... end of a block, with the points of the largest term.
template <class T>
void winograd_output_gradients(const WinogradTerms& d, const WinogradBlock& block, Index begin,
                               Index end, const T* dy, Index outputs, const WinogradLayout& layout,
                               T* to) {
  const auto transforms =
      WinogradTransforms<T>::template of<WinogradOutputGradient>(d.most, d.side);
  block.for_rows(begin, end, [&](const WinogradTile& tile, Index kind, Index index) {
    const Size2d side = WinogradKind::side(kind, d.side);
    const ImageGrid<const T> grid{dy + tile.image * d.out_h * d.out_w * d.result_pixel(),
                                  d.out_h,
                                  d.out_w,
                                  d.result_pixel(),
                                  tile.row,
                                  tile.column,
                                  side,
                                  {1}};
    winograd_grid(transforms[kind], grid, side, outputs, layout, to + index * layout.tile,
                  winograd_points(d.most.w) * layout.point, d.is_last(tile.image));
  });
}

}  // namespace detail

template <class T>
void winograd_inputs(const WinogradTerms& d, Index begin, Index end, const T* x,
                     const WinogradLayout& layout, T* v) {
  detail::winograd_inputs(d, d.block_of(begin, end), begin, end, x, layout, v);
}

template <class T>
void winograd_all_inputs(const WinogradTerms& d, const T* x, const WinogradLayout& layout, T* v) {
  const WinogradBlock all = d.block_of(0, d.rows());
  parallel_for(d.rows(), 1, [&](Index row, Index end) {
    detail::winograd_inputs(d, all, row, end, x, layout, v);
  });
}

template <class T>
void winograd_output_gradients(const WinogradTerms& d, Index begin, Index end, const T* dy,
                               Index outputs, const WinogradLayout& layout, T* to) {
  detail::winograd_output_gradients(d, d.block_of(begin, end), begin, end, dy, outputs, layout, to);
}

template <class T>
void winograd_all_output_gradients(const WinogradTerms& d, const T* dy, Index outputs,
                                   const WinogradLayout& layout, T* to) {
  const WinogradBlock all = d.block_of(0, d.rows());
  parallel_for(d.rows(), 1, [&](Index row, Index end) {
    detail::winograd_output_gradients(d, all, row, end, dy, outputs, layout, to);
  });
}

CNNRNN_KERNELS_END
