#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/tensor.hpp"
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
    band = std::clamp<Index>(512 / std::max<Index>(1, d.out_w), 1,
                             std::max<Index>(1, (d.out_h + 1) / 2));
    bands = (d.out_h + band - 1) / band;
    tile = Winograd::output * d.c;
    // A packet more than the data: points must not share their sets in the cache.
    point = round_up((d.columns() + most_tiles) * tile, width) + width;
    row = Winograd::input * point;
    padded = round_up(d.columns() * tile, width) + Winograd::input * d.c;
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
  Index padded;             ///< elements of a row of x with what its tiles read beside it
  std::vector<Index> taps;  ///< where the rows and channels under the kernel lie in V
};

/// A row of x (W, C) as its tiles read it: `size` elements, with zeros for what lies beside the
/// image.
template <class T>
void copy_padded_row(const WinogradTiles& d, const T* x, Index size, T* to) {
  const Index shift = d.padding.w * d.c;
  const Index begin = std::clamp<Index>(shift, 0, size);
  const Index end = std::clamp<Index>(shift + d.w * d.c, begin, size);
  std::fill(to, to + begin, T(0));
  if (begin < end) {
    std::copy_n(x + (begin - shift), end - begin, to + begin);
  }
  std::fill(to + end, to + size, T(0));
}

/// The rows of x (N, H, W, C) that a job reads, with zeros above and below the image.
template <class T>
void copy_padded_rows(const Winograd1dPlan<T>& plan, Index job, const T* x, T* to) {
  const WinogradTiles& d = plan.d;
  const T* const image = x + job / plan.bands * d.h * d.w * d.c;
  const Index first = job % plan.bands * plan.band - d.padding.h;
  for (Index i = first; i < first + plan.rows(job) + Winograd::kernel - 1; ++i, to += plan.padded) {
    if (i >= 0 && i < d.h) {
      copy_padded_row(d, image + i * d.w * d.c, plan.padded, to);
    } else {
      std::fill_n(to, plan.padded, T(0));
    }
  }
}

/// V = B^T d of the rows of x (N, H, W, C) that a job reads.
template <class T>
void winograd_1d_inputs(const Winograd1dPlan<T>& plan, Index job, const T* x, T* v) {
  using P = Packet<T>;
  const Index rows = plan.rows(job) + Winograd::kernel - 1;
  // All rows before the first is read: a load across fresh stores waits for them.
  Tensor<T> copy({rows * plan.padded});
  copy_padded_rows(plan, job, x, copy.mutable_data());
  const T* from = copy.data();
  for (Index i = 0; i < rows; ++i, from += plan.padded, v += plan.row) {
    for (Index at = 0; at < plan.d.columns() * plan.tile; at += P::width) {
      Line<T, Winograd::input> line;
      unroll<Winograd::input>([&](auto j) { line[j] = P::load(from + at + j * plan.d.c); });
      winograd_transform_line<T, WinogradInput>(
          line, [&](Index k, P value) { value.store(v + k * plan.point + at); });
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
