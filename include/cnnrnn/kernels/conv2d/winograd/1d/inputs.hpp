#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/transform.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

// Winograd's F(4, 3) along the rows alone, for convolutions of few channels, as the colours of an
// image: four outputs beside each other by 6 products where the definition takes 12, for each row
// of the kernel and each channel. Both dimensions would save more of the products than there are:
// with few channels the transforms cost more.
//
//   X (4, rows, columns + 1, C)   x, its pixels dealt out by their place in their tile
//   V (6, rows, columns + 1, C)   transformed; the last column is no tile
//
// A tile's last two pixels are the next one's first two. So packets go through all of X.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// How the rows of y are cut in bands, one to a job, and where V of a band lies.
template <class T>
struct Winograd1dPlan {
  static constexpr Index width = Packet<T>::width;
  static constexpr Index panel = 2 * width;  ///< outputs that are made together

  explicit Winograd1dPlan(const WinogradTiles& tiles) : d(tiles) {
    // Two bands at least, for two threads at work on one image.
    band = std::clamp<Index>(512 / std::max<Index>(1, d.out_w), 1,
                             std::max<Index>(1, (d.out_h + 1) / 2));
    bands = (d.out_h + band - 1) / band;
    row = (d.columns() + 1) * d.c;
    // A packet more than the data: points must not share their sets in the cache.
    point = round_up((band + Winograd::kernel - 1) * row + most_tiles * d.c, width) + width;
    for (Index i = 0; i < Winograd::kernel; ++i) {
      for (Index c = 0; c < d.c; ++c) {
        taps.push_back(i * row + c);
      }
    }
  }

  Index jobs() const { return d.n * bands; }
  Index rows(Index job) const { return std::min(band, d.out_h - job % bands * band); }
  Index rows_of_x(Index job) const { return rows(job) + Winograd::kernel - 1; }
  Index v_size() const { return Winograd::input * point; }

  /// Of V and, behind it, X.
  Index scratch_size() const { return v_size() + Winograd::output * point; }

  /// The first row of a job in y, counted through all images.
  Index first_row(Index job) const { return job / bands * d.out_h + job % bands * band; }

  /// Tiles that are made together, at most; the last ones may lie behind the row.
  static constexpr Index most_tiles = 4;

  WinogradTiles d;
  Index band, bands;        ///< rows of a band, and bands of an image
  Index row, point;         ///< steps of X and V
  std::vector<Index> taps;  ///< where the rows and channels under the kernel lie in V
};

/// A row of X: the pixels of a row of x (W, C), a place in the tiles at a time.
template <class T, Index Channels>
void deal_out_row(const Winograd1dPlan<T>& plan, const T* x, T* to) {
  const WinogradTiles& d = plan.d;
  const Index begin = std::max<Index>(0, d.padding.w);
  const Index end = std::min(d.padding.w + d.w, Winograd::output * (d.columns() + 1));
  unroll<Winograd::output>([&](auto place) {
    Index column = (begin + Winograd::output - 1 - place) / Winograd::output;
    for (Index j = column * Winograd::output + place; j < end; j += Winograd::output, ++column) {
      std::memcpy(to + place * plan.point + column * Channels, x + (j - d.padding.w) * Channels,
                  Channels * sizeof(T));
    }
  });
}

/// X of a job, with zeros for what lies beside the image.
template <class T, Index Channels>
void deal_out_rows(const Winograd1dPlan<T>& plan, Index job, const T* x, T* to) {
  const WinogradTiles& d = plan.d;
  std::fill_n(to, Winograd::output * plan.point, T(0));
  const T* const image = x + job / plan.bands * d.h * d.w * Channels;
  const Index first = job % plan.bands * plan.band - d.padding.h;
  for (Index i = first; i < first + plan.rows_of_x(job); ++i, to += plan.row) {
    if (i >= 0 && i < d.h) {
      deal_out_row<T, Channels>(plan, image + i * d.w * Channels, to);
    }
  }
}

/// V = B^T d of the rows of x (N, H, W, C) that a job reads. X lies behind V.
template <class T>
void winograd_1d_inputs(const Winograd1dPlan<T>& plan, Index job, const T* x, T* v) {
  using P = Packet<T>;
  T* const pixels = v + plan.v_size();
  // All rows before the first is read: a load across fresh stores waits for them.
  unroll<winograd_1d_most_channels>([&](auto i) {
    if (plan.d.c == i + 1) {
      deal_out_rows<T, i + 1>(plan, job, x, pixels);
    }
  });
  for (Index at = 0; at < plan.rows_of_x(job) * plan.row; at += P::width) {
    Line<T, Winograd::input> line;
    unroll<Winograd::input>([&](auto j) {
      constexpr Index place = j % Winograd::output, column = j / Winograd::output;
      line[j] = P::load(pixels + place * plan.point + at + column * plan.d.c);
    });
    winograd_transform_line<T, WinogradInput3>(
        line, [&](Index k, P value) { value.store(v + k * plan.point + at); });
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
