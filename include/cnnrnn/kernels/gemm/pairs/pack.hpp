#pragma once

#include <algorithm>
#include <array>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"
#include "cnnrnn/kernels/gemm/pairs/tile.hpp"

// B (K, N) packed in pairs of rows, a float for each: panel after panel of as many columns as a
// tile or, at the end, a packet has; in it pair after pair. A last row without another and columns
// past the end are zeros. Rows of A are of an even length.

CNNRNN_KERNELS_BEGIN

/// How many floats B has, packed.
inline Index packed_pairs(Index n, Index k) {
  return round_up(n, Packet<float>::width) * ((k + 1) / 2);
}

namespace detail {

/// Calls body(n0, the packet's place in it, the panel's columns) for the packets of columns.
template <class Body>
void for_each_packet_of_columns(Index n, Index k, const Body& body) {
  constexpr Index width = Packet<float>::width;
  constexpr Index block = 1 << 15;
  parallel_for((n + width - 1) / width, 1 + block / (width * (k + 1)), [&](Index begin, Index end) {
    for (Index n0 = begin * width; n0 < end * width; n0 += width) {
      const Index panel = n0 / Tile<float>::columns * Tile<float>::columns;
      body(n0, panel * ((k + 1) / 2) + n0 - panel, panel_columns<float>(panel, n));
    }
  });
}

}  // namespace detail

/// Packs the transpose of b (N, K), whose rows are `stride` apart.
inline void pack_pairs_transposed(Index n, Index k, const bfloat16* b, Index stride, float* to) {
  constexpr Index width = Packet<float>::width;
  detail::for_each_packet_of_columns(n, k, [=](Index n0, Index place, Index columns) {
    std::array<Bfloat16Pairs, width> square;
    for (Index k0 = 0; k0 < k; k0 += 2 * width) {
      const Index count = std::min(2 * width, k - k0);
      for (Index column = 0; column < width; ++column) {
        const bfloat16* const from = b + (n0 + column) * stride + k0;
        square[static_cast<std::size_t>(column)] =
            n0 + column < n && count == 2 * width
                ? Bfloat16Pairs::load(from)
                : Bfloat16Pairs::load_partial(from, n0 + column < n ? count : 0);
      }
      transpose(square);
      for (Index pair = 0; pair < (count + 1) / 2; ++pair) {
        square[static_cast<std::size_t>(pair)].store(to + place + (k0 / 2 + pair) * columns);
      }
    }
  });
}

/// Packs b (K, N), whose rows are `stride` apart.
inline void pack_pairs(Index n, Index k, const bfloat16* b, Index stride, float* to) {
  constexpr Index width = Packet<float>::width;
  detail::for_each_packet_of_columns(n, k, [=](Index n0, Index place, Index columns) {
    const Index count = std::min(width, n - n0);
    const auto load = [=](Index row) {
      const bfloat16* const from = b + row * stride + n0;
      return row >= k         ? Packet<float>::zero()
             : count == width ? Packet<float>::load(from)
                              : Packet<float>::load_partial(from, count);
    };
    for (Index row = 0; row < k; row += 2) {
      Bfloat16Pairs::of(load(row), load(row + 1)).store(to + place + row / 2 * columns);
    }
  });
}

/// a (M, K) as it is if its rows have an even length, else a copy with a zero behind each.
class EvenRows {
 public:
  EvenRows(Index m, Index k, const bfloat16* a) : data_(a), stride_(k + k % 2) {
    if (stride_ == k) {
      return;
    }
    copy_ = Tensor<bfloat16>({m, stride_});
    bfloat16* const to = copy_.mutable_data();
    parallel_for(m, 64, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        *std::copy_n(a + row * k, k, to + row * stride_) = bfloat16(0.0F);
      }
    });
    data_ = to;
  }

  const bfloat16* data() const { return data_; }
  Index stride() const { return stride_; }

 private:
  const bfloat16* data_;
  Index stride_;
  Tensor<bfloat16> copy_;
};

/// to (M, K) = the transpose of a (K, M), whose rows are `stride` apart. Rows of `to` are
/// `to_stride` apart, and get a zero behind an odd number of elements.
inline void transpose_pairs(Index m, Index k, const bfloat16* a, Index stride, bfloat16* to,
                            Index to_stride) {
  constexpr Index width = Packet<float>::width;
  std::array<Bfloat16Pairs, width> square;
  for (Index m0 = 0; m0 < m; m0 += width) {
    const Index count = std::min(width, m - m0);
    const auto load = [=](Index row) {
      const bfloat16* const from = a + row * stride + m0;
      return row >= k         ? Packet<float>::zero()
             : count == width ? Packet<float>::load(from)
                              : Packet<float>::load_partial(from, count);
    };
    for (Index k0 = 0; k0 < k; k0 += 2 * width) {
      for (Index pair = 0; pair < width; ++pair) {
        const Index row = k0 + 2 * pair;
        square[static_cast<std::size_t>(pair)] = Bfloat16Pairs::of(load(row), load(row + 1));
      }
      transpose(square);
      const Index length = std::min(2 * width, k - k0 + k % 2);
      for (Index row = 0; row < count; ++row) {
        const auto& pairs = square[static_cast<std::size_t>(row)];
        bfloat16* const place = to + (m0 + row) * to_stride + k0;
        length == 2 * width ? pairs.store(place) : pairs.store_partial(place, length);
      }
    }
  }
}

CNNRNN_KERNELS_END
