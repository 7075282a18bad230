#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/kernels/gemm_operands.hpp"
#include "cnnrnn/kernels/winograd_tiles.hpp"
#include "cnnrnn/kernels/winograd_transform.hpp"

// Winograd's F(4, 3) along the rows alone, for convolutions of few channels, as the colours of an
// image: four outputs beside each other by 6 products where the definition takes 12, for each row
// of the kernel and each channel. Both dimensions would save more of the products than there are:
// with few channels the transforms cost more.
//
//   V (rows, 6, columns, 4, C)   transformed rows of x
//
// All pixels of a row are transformed as if a tile began there, in packets across pixels and
// channels, and each fourth is read.

CNNRNN_KERNELS_BEGIN

/// Up to how many channels this way is the faster one.
inline bool winograd_is_1d(Index channels) { return channels <= 6; }

namespace detail {

/// How the rows of y are cut in bands, one to a job, and where V of a band lies.
template <class T>
struct Winograd1dPlan {
  static constexpr Index width = Packet<T>::width;
  static constexpr Index panel = 2 * width;  ///< outputs that are made together

  explicit Winograd1dPlan(const WinogradTiles& tiles) : d(tiles) {
    // Two bands at least, for two threads at work on one image.
    band = std::clamp<Index>(256 / std::max<Index>(1, d.out_w), 1,
                             std::max<Index>(1, (d.out_h + 1) / 2));
    bands = (d.out_h + band - 1) / band;
    tile = Winograd::output * d.c;
    // A packet more than the data: points must not share their sets in the cache.
    point = round_up((d.columns() + most_tiles) * tile, width) + width;
    row = Winograd::input * point;
    for (Index i = 0; i < Winograd::kernel; ++i) {
      for (Index c = 0; c < d.c; ++c) {
        taps.push_back(i * row + c);
      }
    }
  }

  Index jobs() const { return d.n * bands; }
  Index rows(Index job) const { return std::min(band, d.out_h - job % bands * band); }
  Index v_size() const { return (band + Winograd::kernel - 1) * row; }

  /// The first row of a job in y, counted through all images.
  Index first_row(Index job) const { return job / bands * d.out_h + job % bands * band; }

  /// Tiles that are made together, at most; the last ones may lie behind the row.
  static constexpr Index most_tiles = 4;

  WinogradTiles d;
  Index band, bands;        ///< rows of a band, and bands of an image
  Index tile, point, row;   ///< steps of V
  std::vector<Index> taps;  ///< where the rows and channels under the kernel lie in V
};

/// A row of x (W, C) as its tiles read it, with zeros for what lies beside the image.
template <class T>
void copy_padded_row(const WinogradTiles& d, const T* x, Index pixels, T* to) {
  const Index before = std::clamp<Index>(d.padding.w, 0, pixels);
  const Index column = before - d.padding.w;
  const Index count = std::clamp<Index>(d.w - column, 0, pixels - before);
  std::fill_n(to, before * d.c, T(0));
  std::copy_n(x + column * d.c, count * d.c, to + before * d.c);
  std::fill(to + (before + count) * d.c, to + pixels * d.c, T(0));
}

/// V = B^T d of the rows of x (N, H, W, C) that a job reads.
template <class T>
void winograd_1d_inputs(const Winograd1dPlan<T>& plan, Index job, const T* x, T* v) {
  using P = Packet<T>;
  const WinogradTiles& d = plan.d;
  const Index pixels = d.columns() * Winograd::output + Winograd::kernel - 1;
  std::vector<T> padded(static_cast<std::size_t>((pixels + Winograd::input) * d.c + P::width));
  const T* const image = x + job / plan.bands * d.h * d.w * d.c;
  const Index first = job % plan.bands * plan.band - d.padding.h;
  const Index last = first + plan.rows(job) + Winograd::kernel - 1;
  for (Index i = first; i < last; ++i, v += plan.row) {
    if (i < 0 || i >= d.h) {
      std::fill_n(v, plan.row, T(0));
      continue;
    }
    copy_padded_row(d, image + i * d.w * d.c, pixels, padded.data());
    for (Index at = 0; at < d.columns() * plan.tile; at += P::width) {
      Line<T, Winograd::input> line;
      unroll<Winograd::input>([&](auto j) { line[j] = P::load(padded.data() + at + j * d.c); });
      winograd_transform_line<T, WinogradInput>(
          line, [&](Index k, P value) { value.store(v + k * plan.point + at); });
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
