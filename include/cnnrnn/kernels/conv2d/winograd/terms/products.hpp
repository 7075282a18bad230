#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/winograd/products.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/convolution.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/tiles.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Calls body(first tile, last tile) with the tiles of a block whose inputs have the point (i, j)
/// of a term: narrow ones lack its last ones.
template <class Body>
void for_tiles_of_point(const WinogradBlock& block, const WinogradTerm& term, Index i, Index j,
                        const Body& body) {
  const bool only_wide_down = term.taps.h > 0 && i + 1 == term.size().h;
  const bool only_wide_across = term.taps.w > 0 && j + 1 == term.size().w;
  body(block.first(only_wide_down ? 1 : 0), block.first(only_wide_across ? 2
                                                        : only_wide_down ? 3
                                                                         : 4));
}

/// A product of `rows` tiles of which `stored` are the last ones of their kinds: those behind them
/// stay as they are.
template <class T, Index Vectors, class Product>
void winograd_last_product(const Product& product, Index k, const T* v, Index v_packet, const T* u,
                           TileStart<T> start, T* c, Index stored) {
  constexpr Index columns = Vectors * Packet<T>::width;
  T sums[static_cast<std::size_t>(winograd_rows<T, Vectors> * columns)];
  if (start.row_stride != 0) {
    std::copy_n(c, stored * columns, sums);
    std::fill(sums + stored * columns, std::end(sums), T(0));
    start.data = sums;
  }
  product(k, v, v_packet, u, start, sums);
  std::copy_n(sums, stored * columns, c);
}

/// As those of WinogradTiles; each point is the sum of all terms that have it, of which the first
/// has all points. They read U from its beginning to its end.
template <class T, Index Vectors>
void winograd_products(const WinogradTerms& d, Index begin, Index end, Index k, const T* v,
                       const WinogradLayout& layout, const T* u, const T* bias, T* m, Index m_point,
                       bool accumulate) {
  constexpr Index columns = Vectors * Packet<T>::width;
  const WinogradBlock block = d.block_of(begin, end);
  const Size2d size = winograd_points(d.most);
  const Index ones = d.ones();
  for (Index point = 0; point < size.area(); ++point, m += m_point) {
    const Index i = point / size.w, j = point % size.w;
    for (Index k0 = 0; k0 < k; k0 += winograd_channels) {
      const Index count = std::min(winograd_channels, k - k0);
      const T* const channels = v + k0 / Packet<T>::width * layout.packet;
      bool adds = accumulate || k0 > 0;
      d.for_terms_of_point(i, j, [&](const WinogradTerm& term, Index source) {
        const T* const inputs = channels + source * layout.point;
        const auto start_at = [&](T* c) {
          return adds ? TileStart<T>{c, columns} : TileStart<T>{point == ones ? bias : nullptr, 0};
        };
        for_tiles_of_point(block, term, i, j, [&](Index first, Index last) {
          for_winograd_steps<T, Vectors>(last - first, [&](auto product, Index step, Index rows) {
            const Index t = first + step;
            T* const c = m + t * columns;
            if (t + rows > last && last < block.count()) {
              winograd_last_product<T, Vectors>(product, count, inputs + t * layout.tile,
                                                layout.packet, u, start_at(c), c, last - t);
            } else {
              product(count, inputs + t * layout.tile, layout.packet, u, start_at(c), c);
            }
          });
        });
        u += count * columns;
        adds = true;
      });
    }
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
