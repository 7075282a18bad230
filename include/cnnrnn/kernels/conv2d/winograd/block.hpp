#pragma once

#include <algorithm>
#include <type_traits>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/winograd/outputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/products.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

// Convolutions by Winograd's algorithms, of WinogradTiles or of WinogradTerms, a block of tiles at
// a time that stays in the second cache.
//
//   V (all points, C / width, tiles, width)   the block's transformed inputs
//   U (panels, all points, C, columns)        all transformed weights; a panel is two packets of
//                                             outputs, or one where only one is left
//   M (points, tiles, columns)                their products for one panel

CNNRNN_KERNELS_BEGIN

namespace detail {

/// A convolution's blocks of rows of tiles, and the scratch memory of one. The rows are halved
/// before they are cut into blocks, so that of two threads none waits for the other's last block.
template <class T>
struct WinogradPlan {
  static constexpr Index width = Packet<T>::width;

  struct Rows {
    Index begin, end;
  };

  template <class Convolution>
  explicit WinogradPlan(const Convolution& d) : rows(d.rows()), all_points(d.all_points()) {
    constexpr Index unit = winograd_rows<T, 1>;
    constexpr Index cache = (400 << 10) / static_cast<Index>(sizeof(T));
    const Index channels = round_up(d.c, width);
    const Index all = rows * d.columns();
    const Index most = d.block(cache / (all_points * std::max(channels, 2 * width)), unit);
    // Threads share the outputs, and with them U, where these are many and tiles few, or groups.
    const bool shares_outputs = all < 2 * unit && (d.groups > 1 || d.o > 8 * all);
    part = shares_outputs ? rows : (rows + 1) / 2;
    const Index wanted = shares_outputs ? 1 : std::max<Index>(1, (part + most - 1) / most);
    block = std::max<Index>(1, (part + wanted - 1) / wanted);
    blocks_of_part = (part + block - 1) / block;
    const Index tiles = d.room(block * d.columns(), unit);
    // A packet more than the data: points must not share their sets in the cache.
    layout = {tiles * channels + width, tiles * width, width};
    m_point = tiles * 2 * width + width;
    m_size = d.points() * m_point;
  }

  Index blocks() const { return part < rows ? 2 * blocks_of_part : blocks_of_part; }

  /// The rows of a block; the last one may have none.
  Rows block_rows(Index index) const {
    const Index first = index / blocks_of_part * part;
    const Index begin = first + index % blocks_of_part * block;
    return {begin, std::min({rows, first + part, begin + block})};
  }

  Index v_size() const { return all_points * layout.point; }
  Index size() const { return v_size() + m_size; }

  Index rows;  ///< of tiles
  Index all_points;
  Index part;   ///< of them in each half
  Index block;  ///< of them in a block
  Index blocks_of_part;
  WinogradLayout layout;
  Index m_point, m_size;
};

/// The outputs first ... last, whole panels of them, of a group in one block, the rows begin ...
/// end of tiles. U is that of the group. The bias is padded to whole panels, or null.
template <class T, class X, class Convolution>
void winograd_block(const Convolution& d, const WinogradPlan<T>& plan, Index begin, Index end,
                    Index group, Index first, Index last, const X* x, const T* u, const T* bias,
                    const ConvOutput<X>& y) {
  constexpr Index width = Packet<T>::width;
  const ThreadScratch<T> scratch(plan.size());
  T* const v = scratch.data();
  T* const m = v + plan.v_size();
  winograd_inputs(d, begin, end, x + group * d.c, plan.layout, v);
  for (Index n0 = first; n0 < last; n0 += 2 * width) {
    const bool wide = d.o - n0 > width;
    const Index columns = wide ? 2 * width : width;
    const auto multiply = [&](auto vectors) {
      winograd_products<T, vectors>(
          d, begin, end, d.c, v, plan.layout, u + n0 * d.all_points() * d.c,
          bias != nullptr ? bias + group * d.o + n0 : nullptr, m, plan.m_point, false);
    };
    wide ? multiply(std::integral_constant<Index, 2>{})
         : multiply(std::integral_constant<Index, 1>{});
    for_each_lanes<T>(std::min(columns, d.o - n0), [&](const auto& lanes) {
      winograd_outputs(d, begin, end, group * d.o + n0, lanes, m + lanes.at, plan.m_point, columns,
                       y);
    });
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
