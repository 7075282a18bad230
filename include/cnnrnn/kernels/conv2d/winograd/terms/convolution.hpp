#pragma once

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/transform.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"

// A convolution as a sum of terms that Winograd's algorithms know: three taps along each axis at
// most, with neighbouring outputs reading neighbouring places of the source. A kernel with more
// taps is cut into pieces. At a stride, the taps that are a stride apart read every SH-th row and
// SW-th column of the source, from some place on:
//
//   y[i] = sum over p < S, t of w[S t + p] x[S (i + t) + p - padding]
//
// The input gradient has no sum over p: dx[S i + p - padding] = sum over t of w[S t + p] dy[i - t].

CNNRNN_KERNELS_BEGIN

namespace detail {

/// One axis of the terms: `count` taps of the kernel, from `tap` on and `tap_step` apart, of which
/// the first reads `source` for the first output, and the others go on by `source_step`.
struct WinogradTaps {
  Index count, tap, tap_step, source, source_step;
};

/// The same cut into as few pieces as can be, of nearly the same size.
inline void winograd_cut(const WinogradTaps& taps, std::vector<WinogradTaps>& pieces) {
  const Index parts = (taps.count + Winograd::kernel - 1) / Winograd::kernel;
  for (Index part = 0; part < parts; ++part) {
    const Index begin = taps.count * part / parts, end = taps.count * (part + 1) / parts;
    pieces.push_back({end - begin, taps.tap + begin * taps.tap_step, taps.tap_step,
                      taps.source + begin * taps.source_step, taps.source_step});
  }
}

/// The pieces of y along an axis.
inline std::vector<WinogradTaps> winograd_forward_pieces(Index kernel, Index stride,
                                                         Index padding) {
  std::vector<WinogradTaps> pieces;
  for (Index phase = 0; phase < std::min(stride, kernel); ++phase) {
    const Index count = (kernel - phase + stride - 1) / stride;
    winograd_cut({count, phase, stride, phase - padding, stride}, pieces);
  }
  return pieces;
}

/// The first pixel of dx along an axis that reads the taps `phase`, `phase` + stride, ...
inline Index winograd_first_of_phase(Index stride, Index padding, Index phase) {
  return ((phase - padding) % stride + stride) % stride;
}

/// The pieces of that pixel, and of every stride-th from it on, of taps turned by half a turn.
inline std::vector<WinogradTaps> winograd_backward_pieces(Index kernel, Index stride, Index padding,
                                                          Index phase) {
  std::vector<WinogradTaps> pieces;
  const Index count = (kernel - phase + stride - 1) / stride;
  const Index last = (winograd_first_of_phase(stride, padding, phase) + padding - phase) / stride;
  winograd_cut({count, kernel - 1 - phase - stride * (count - 1), stride, last - (count - 1), 1},
               pieces);
  return pieces;
}

/// Puts those with the most taps first, and says how many these are: 0 if no algorithm makes them
/// cheaper.
inline Index winograd_sort(std::vector<WinogradTaps>& pieces) {
  std::vector<WinogradTaps> sorted;
  for (Index count = Winograd::kernel; count > 0; --count) {
    std::ranges::copy_if(pieces, std::back_inserter(sorted),
                         [count](const WinogradTaps& taps) { return taps.count == count; });
  }
  pieces = std::move(sorted);
  return pieces.front().count > 1 ? pieces.front().count : 0;
}

}  // namespace detail

/// Taps of a kernel that one of the algorithms sums: 3x3 of them at most, 0 along an axis without
/// an algorithm.
struct WinogradTerm {
  Size2d taps;
  Size2d source;       ///< what the first output of the first tile reads for its first tap
  Size2d source_step;  ///< from there to the next output, or the next tap
  Size2d tap;          ///< its first tap in the kernel
  Size2d tap_step;     ///< from there to the next

  Size2d size() const { return winograd_points(taps); }
  Index points() const { return size().area(); }
};

/// Channels that go through all terms before the next ones do.
inline constexpr Index winograd_channels = 64;

/// A convolution that is a sum of terms, and how it falls into tiles: of 4 x 4 outputs, of three in
/// some rows and columns if that saves points, or of one along an axis without an algorithm. Rows
/// of tiles are counted as those of WinogradTiles.
struct WinogradTerms : WinogradShape {
  Size2d kernel;                    ///< all its taps
  Size2d first{0}, step{1};         ///< which pixels are outputs: every step-th from `first` on
  Size2d most;                      ///< taps of the largest term
  Size2d side;                      ///< outputs of the largest tile
  std::vector<WinogradTerm> terms;  ///< all pairs of pieces, the largest first

  WinogradTerms(const WinogradShape& shape, const Size2d& all_taps, const Size2d& first_output,
                const Size2d& output_step, std::vector<detail::WinogradTaps> rows,
                std::vector<detail::WinogradTaps> columns)
      : WinogradShape(shape),
        kernel(all_taps),
        first(first_output),
        step(output_step),
        most(detail::winograd_sort(rows), detail::winograd_sort(columns)),
        side(winograd_side(most.h), winograd_side(most.w)) {
    for (const auto& row : rows) {
      for (const auto& column : columns) {
        terms.push_back({.taps = {most.h > 0 ? row.count : 0, most.w > 0 ? column.count : 0},
                         .source = {row.source, column.source},
                         .source_step = {row.source_step, column.source_step},
                         .tap = {row.tap, column.tap},
                         .tap_step = {row.tap_step, column.tap_step}});
      }
    }
  }

  /// Those of a tile of products, of which the outputs are made.
  Index points() const { return winograd_points(most).area(); }

  /// Those of the inputs and weights of all terms, in the order of the terms.
  Index all_points() const {
    return std::accumulate(terms.begin(), terms.end(), Index(0),
                           [](Index sum, const WinogradTerm& term) { return sum + term.points(); });
  }

  /// The point whose products are added to all outputs: its column of A^T is ones.
  Index ones() const {
    return std::min<Index>(1, most.h) * winograd_points(most.w) + std::min<Index>(1, most.w);
  }

  /// Calls body(term, its points in those of all terms) for the terms that have a point of the
  /// products.
  template <class Body>
  void for_terms_of_point(Index i, Index j, const Body& body) const {
    Index before = 0;
    for (const WinogradTerm& term : terms) {
      if (i < term.size().h && j < term.size().w) {
        body(term, before + i * term.size().w + j);
      }
      before += term.points();
    }
  }

  Index terms_of_point(Index i, Index j) const {
    Index count = 0;
    for_terms_of_point(i, j, [&](const WinogradTerm&, Index) { ++count; });
    return count;
  }

  WinogradSplit down() const { return {(out_h - first.h + step.h - 1) / step.h, side.h}; }
  WinogradSplit across() const { return {(out_w - first.w + step.w - 1) / step.w, side.w}; }
  Index columns() const { return across().count(); }
  Index rows_of_image() const { return down().count(); }
  Index rows() const { return n * rows_of_image(); }
  Index tiles() const { return rows() * columns(); }

  WinogradBlock block_of(Index begin, Index end) const { return {down(), across(), begin, end}; }

  /// As that of WinogradTiles, where every pixel is an output.
  Index first_pixel(Index row) const {
    return (row / rows_of_image() * out_h + down().begin(row % rows_of_image())) * out_w;
  }

  /// Places for so many tiles in register tiles of `unit`, of which the last one begins at any
  /// place and has a third at least that is needed.
  Index room(Index tiles, Index unit) const {
    const bool sorted = down().narrow > 0 || across().narrow > 0;
    return round_up(tiles + (sorted ? unit / 3 : 0), unit);
  }

  /// Rows that together have about `tiles` tiles and fill the register tiles of `unit` tiles.
  Index block(Index about, Index unit) const {
    const Index whole = unit / std::gcd(unit, columns());
    return std::max<Index>(1, about / (whole * columns())) * whole;
  }
};

/// y of x.
inline WinogradTerms forward_terms(const Conv2dDims& d) {
  return {{d.n, d.h, d.w, d.group_c(), d.oh(), d.ow(), d.group_o(), d.groups},
          d.kernel,
          {0},
          {1},
          detail::winograd_forward_pieces(d.kernel.h, d.stride.h, d.padding.h),
          detail::winograd_forward_pieces(d.kernel.w, d.stride.w, d.padding.w)};
}

/// The pixels of dx, made of dy, that read the taps from `phase` on, a stride apart.
inline WinogradTerms backward_terms(const Conv2dDims& d, const Size2d& phase) {
  return {{d.n, d.oh(), d.ow(), d.group_o(), d.h, d.w, d.group_c(), d.groups},
          d.kernel,
          {detail::winograd_first_of_phase(d.stride.h, d.padding.h, phase.h),
           detail::winograd_first_of_phase(d.stride.w, d.padding.w, phase.w)},
          d.stride,
          detail::winograd_backward_pieces(d.kernel.h, d.stride.h, d.padding.h, phase.h),
          detail::winograd_backward_pieces(d.kernel.w, d.stride.w, d.padding.w, phase.w)};
}

CNNRNN_KERNELS_END
