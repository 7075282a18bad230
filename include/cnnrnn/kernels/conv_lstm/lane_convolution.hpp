#pragma once

#include <algorithm>
#include <cstddef>

#include "cnnrnn/kernels/conv2d/options.hpp"
#include "cnnrnn/kernels/conv2d/winograd/tiles.hpp"
#include "cnnrnn/kernels/conv_lstm/lane_maps.hpp"
#include "cnnrnn/kernels/conv_lstm/lane_tile.hpp"

// Convolutions of lane maps at stride one that keep the size of the map.
//
//   K      channels of the source
//   O      outputs
//   R      outputs of a register tile
//   V (points, tiles, K, L), M (points, tiles, R, L)   Winograd's transforms of source and result

CNNRNN_KERNELS_BEGIN

struct LaneConvolutionDims {
  Index h, w;
  Size2d kernel;  ///< odd
  Index k, o;
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;

  Size2d padding() const { return {kernel.h / 2, kernel.w / 2}; }
  Index tiles() const {
    constexpr Index side = Winograd::output;
    return (h + side - 1) / side * ((w + side - 1) / side);
  }

  /// Winograd's products are as many for any content of a tile, where the direct sums leave out
  /// what lies outside of the map.
  bool uses_winograd() const {
    const bool pays = 3 * Winograd::points * tiles() <= 2 * (3 * h - 2) * (3 * w - 2);
    return algorithm == ConvAlgorithm::winograd ||
           (algorithm == ConvAlgorithm::automatic && kernel == Size2d(Winograd::kernel) && pays);
  }

  /// The source: Winograd's tiles read past the rim, direct sums stop there.
  LaneMap source() const {
    if (!uses_winograd()) {
      return {h, w, 0, h, w};
    }
    constexpr Index side = Winograd::output;
    constexpr Index reach = Winograd::input - side;
    return {h, w, 1, (h + side - 1) / side * side + reach, (w + side - 1) / side * side + reach};
  }
};

/// A convolution with its weights packed: (group of outputs, taps or points, K, R).
template <class T>
class LaneConvolution {
 public:
  /// weight_at(o, k, i, j) is the weight of output o for channel k at tap (i, j).
  template <class WeightAt>
  LaneConvolution(const LaneConvolutionDims& d, const WeightAt& weight_at)
      : d_(d),
        source_(d.source()),
        winograd_(d.uses_winograd()),
        packed_({d.o * d.k * (winograd_ ? Winograd::points : d.kernel.area())}) {
    T* const to = packed_.mutable_data();
    detail::for_each_lane_group(d.o, [&](auto rows, Index first) {
      if (winograd_) {
        pack_winograd<rows>(first, weight_at, to + panel(first));
      } else {
        pack_direct<rows>(first, weight_at, to + panel(first));
      }
    });
  }

  const LaneMap& source() const { return source_; }
  Index source_size() const { return source_.pixels() * d_.k * lanes; }

  /// Elements of the scratch memory that run needs.
  Index scratch_size() const {
    return winograd_ ? v_layout().point * Winograd::points + m_point() * Winograd::points : 0;
  }

  /// to (H, W, O, L) = from (source map, K, L) convolved, plus the bias (O) unless it is null.
  void run(const T* from, const T* bias, T* scratch, T* to) const {
    if (winograd_) {
      winograd_inputs(tiles(source_.rows, source_.columns, d_.k), 0, tile_rows(), from, v_layout(),
                      scratch);
    }
    detail::for_each_lane_group(d_.o, [&](auto rows, Index first) {
      const T* const group_bias = bias != nullptr ? bias + first : nullptr;
      if (winograd_) {
        run_winograd<rows>(first, group_bias, scratch, to + first * lanes);
      } else {
        run_direct<rows>(first, from, group_bias, to + first * lanes);
      }
    });
  }

 private:
  static constexpr Index lanes = Packet<T>::width;

  /// Where the weights of the group that begins with output `first` are.
  Index panel(Index first) const { return packed_.size() / d_.o * first; }

  template <Index R, class WeightAt>
  void pack_direct(Index first, const WeightAt& weight_at, T* to) const {
    for (Index i = 0; i < d_.kernel.h; ++i) {
      for (Index j = 0; j < d_.kernel.w; ++j) {
        for (Index k = 0; k < d_.k; ++k) {
          for (Index row = 0; row < R; ++row) {
            *to++ = weight_at(first + row, k, i, j);
          }
        }
      }
    }
  }

  template <Index R, class WeightAt>
  void pack_winograd(Index first, const WeightAt& weight_at, T* to) const {
    constexpr Index side = Winograd::kernel;
    parallel_for(d_.k, 16, [&](Index begin, Index end) {
      T w[static_cast<std::size_t>(side * side * lanes)] = {};
      T u[static_cast<std::size_t>(Winograd::points * lanes)];
      for (Index k = begin; k < end; ++k) {
        for (Index row = 0; row < R; row += lanes) {
          const Index count = std::min(lanes, R - row);
          for (Index tap = 0; tap < side * side; ++tap) {
            for (Index lane = 0; lane < count; ++lane) {
              w[tap * lanes + lane] = weight_at(first + row + lane, k, tap / side, tap % side);
            }
          }
          winograd_transform<T, detail::WinogradWeight3>(w, side * lanes, lanes, u,
                                                         Winograd::input * lanes, lanes);
          for (Index point = 0; point < Winograd::points; ++point) {
            std::copy_n(u + point * lanes, count, to + (point * d_.k + k) * R + row);
          }
        }
      }
    });
  }

  /// Sums over the taps that lie inside of the map: a segment is one row of the kernel.
  template <Index R>
  void run_direct(Index first, const T* from, const T* bias, T* to) const {
    const Size2d kernel = d_.kernel;
    const Size2d padding = d_.padding();
    const T* const weights = packed_.data() + panel(first);
    for (Index p = 0; p < d_.h; ++p) {
      const Index i0 = std::max<Index>(0, padding.h - p);
      const Index i1 = std::min(kernel.h, d_.h + padding.h - p);
      for (Index q = 0; q < d_.w; ++q) {
        const Index j0 = std::max<Index>(0, padding.w - q);
        const Index j1 = std::min(kernel.w, d_.w + padding.w - q);
        const Index place = (p + i0 - padding.h) * d_.w + q + j0 - padding.w;
        detail::lane_tile<T, R>(i1 - i0, (j1 - j0) * d_.k,
                                weights + (i0 * kernel.w + j0) * d_.k * R, kernel.w * d_.k * R,
                                from + place * d_.k * lanes, d_.w * d_.k * lanes, bias,
                                to + (p * d_.w + q) * d_.o * lanes);
      }
    }
  }

  /// A bias added to the point (1, 1) of a tile is added to all its outputs.
  template <Index R>
  void run_winograd(Index first, const T* bias, T* scratch, T* to) const {
    constexpr Index ones = Winograd::input + 1;
    const WinogradLayout v = v_layout();
    T* const m = scratch + v.point * Winograd::points;
    const T* weights = packed_.data() + panel(first);
    for (Index point = 0; point < Winograd::points; ++point, weights += d_.k * R) {
      for (Index tile = 0; tile < d_.tiles(); ++tile) {
        detail::lane_tile<T, R>(1, d_.k, weights, 0, scratch + point * v.point + tile * v.tile, 0,
                                point == ones ? bias : nullptr,
                                m + point * m_point() + tile * R * lanes);
      }
    }
    for_winograd_tiles(tiles(d_.h, d_.w, d_.o), 0, tile_rows(),
                       [&](const WinogradTile& tile, Index index) {
                         for (Index row = 0; row < R; ++row) {
                           store_tile(tile, m + (index * R + row) * lanes, to + row * lanes);
                         }
                       });
  }

  /// One output of a tile, (points, L) to its pixels of (H, W, O, L).
  void store_tile(const WinogradTile& tile, const T* m, T* to) const {
    constexpr Index side = Winograd::output;
    const Index column = d_.o * lanes;
    const Index row = d_.w * column;
    const Index rows = std::min(side, d_.h - tile.row);
    const Index columns = std::min(side, d_.w - tile.column);
    const auto transform = [&](T* pixels, Index to_row, Index to_column) {
      winograd_transform<T, detail::WinogradOutput3>(m, Winograd::input * m_point(), m_point(),
                                                     pixels, to_row, to_column);
    };
    T* const corner = to + tile.row * row + tile.column * column;
    if (rows == side && columns == side) {
      transform(corner, row, column);
      return;
    }
    T whole[static_cast<std::size_t>(side * side * lanes)];
    transform(whole, side * lanes, lanes);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        std::copy_n(whole + (i * side + j) * lanes, lanes, corner + i * row + j * column);
      }
    }
  }

  /// A lane map as one image whose channels are the packets of all channels.
  WinogradTiles tiles(Index h, Index w, Index channels) const {
    return {{1, h, w, channels * lanes, d_.h, d_.w, channels * lanes}, {0}};
  }
  Index tile_rows() const { return tiles(d_.h, d_.w, d_.k).rows(); }

  // A packet more than the data: points must not share their sets in the cache.
  WinogradLayout v_layout() const {
    return {d_.tiles() * d_.k * lanes + lanes, lanes, d_.k * lanes};
  }
  Index m_point() const { return d_.tiles() * detail::lane_rows * lanes + lanes; }

  LaneConvolutionDims d_;
  LaneMap source_;
  bool winograd_;
  Tensor<T> packed_;
};

CNNRNN_KERNELS_END
