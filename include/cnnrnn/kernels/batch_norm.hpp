#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/simd.hpp"

// Batch normalisation over the rows of x (R, C), each channel on its own.
//
//   mean, variance (C)   of a channel's R values; the variance is the biased one
//   inverse (C)          1 / sqrt(variance + epsilon)
//
// Work is cut in tiles of some rows and up to 64 channels that fit in the first-level cache. In a
// tile, each vector of channels walks down the rows with its coefficients or sums in registers.

CNNRNN_KERNELS_BEGIN

struct BatchNormDims {
  Index rows, channels;

  static constexpr Index tile_channels = 64;
  Index tile_rows() const {
    constexpr Index elements = 1 << 12;
    return elements / std::clamp<Index>(channels, 1, tile_channels);
  }
  Index row_tiles() const { return (rows + tile_rows() - 1) / tile_rows(); }
  Index channel_tiles() const { return (channels + tile_channels - 1) / tile_channels; }
};

/// Some rows of one vector of channels.
struct ChannelStrip {
  Index row_tile;  ///< which tile of rows it belongs to
  Index first_row;
  Index rows;
  Index channel;   ///< the first of the vector
  Index count;     ///< how many channels the vector holds
  Index channels;  ///< distance between rows

  Index at(Index row) const { return (first_row + row) * channels + channel; }

  template <class T>
  Packet<T> load(const T* from) const {
    return count == Packet<T>::width ? Packet<T>::load(from) : Packet<T>::load_partial(from, count);
  }
  template <class T>
  void store(Packet<T> packet, T* to) const {
    if (count == Packet<T>::width) {
      packet.store(to);
    } else {
      packet.store_partial(to, count);
    }
  }
};

/// Calls body(strip) for all strips that cover (R, C), tile by tile on all threads.
template <class T, class Body>
void for_channel_strips(const BatchNormDims& d, const Body& body) {
  parallel_for(d.row_tiles() * d.channel_tiles(), 1, [&](Index tile, Index /*end*/) {
    const Index row_tile = tile / d.channel_tiles();
    const Index first_row = row_tile * d.tile_rows();
    const Index rows = std::min(d.tile_rows(), d.rows - first_row);
    Index channel = tile % d.channel_tiles() * d.tile_channels;
    const Index end = std::min(d.channels, channel + d.tile_channels);
    for (; channel < end; channel += Packet<T>::width) {
      const Index count = std::min(Packet<T>::width, end - channel);
      body(ChannelStrip{row_tile, first_row, rows, channel, count, d.channels});
    }
  });
}

/// K sums over the rows of a strip; add(row, sums) adds a row's terms. Four rows have sums of their
/// own, because an addition need not wait for the previous one then.
template <Index K, class T, class Add>
std::array<Packet<T>, static_cast<std::size_t>(K)> sum_rows(Index rows, const Add& add) {
  using Sums = std::array<Packet<T>, static_cast<std::size_t>(K)>;
  Sums sums[4];
  for (Sums& part : sums) {
    part.fill(Packet<T>::zero());
  }
  Index row = 0;
  for (; row + 4 <= rows; row += 4) {
    unroll<4>([&](auto i) { add(row + i, sums[i]); });
  }
  for (; row < rows; ++row) {
    add(row, sums[0]);
  }
  for (std::size_t k = 0; k < sums[0].size(); ++k) {
    sums[0][k] = (sums[0][k] + sums[1][k]) + (sums[2][k] + sums[3][k]);
  }
  return sums[0];
}

/// Mean and biased variance of each channel. Every tile finds its own mean, then the squares of the
/// differences from it, so that a large mean costs no digits; the tiles are combined in order
/// (Chan, Golub and LeVeque 1983).
template <class T>
void batch_norm_statistics(const BatchNormDims& d, const T* x, T* mean, T* variance) {
  using P = Packet<T>;
  const auto size = static_cast<std::size_t>(d.row_tiles() * d.channels);
  std::vector<T> tile_mean(size);
  std::vector<T> tile_squares(size);
  for_channel_strips<T>(d, [&](const ChannelStrip& strip) {
    const auto count = P::set(static_cast<T>(strip.rows));
    const auto [sum] = sum_rows<1, T>(strip.rows, [&](Index row, auto& sums) {
      sums[0] = sums[0] + strip.load(x + strip.at(row));
    });
    const P rough = sum / count;
    const auto [rest, squares] = sum_rows<2, T>(strip.rows, [&](Index row, auto& sums) {
      const P difference = strip.load(x + strip.at(row)) - rough;
      sums[0] = sums[0] + difference;
      sums[1] = multiply_add(difference, difference, sums[1]);
    });
    const P correction = rest / count;  // what rounding left out of the mean
    const Index to = strip.row_tile * d.channels + strip.channel;
    strip.store(rough + correction, tile_mean.data() + to);
    strip.store(squares - rest * correction, tile_squares.data() + to);
  });

  std::vector<double> total_mean(static_cast<std::size_t>(d.channels));
  std::vector<double> total_squares(static_cast<std::size_t>(d.channels));
  for (Index tile = 0; tile < d.row_tiles(); ++tile) {
    const Index before = tile * d.tile_rows();
    const auto after = static_cast<double>(std::min(d.rows, before + d.tile_rows()));
    const double share = 1 - static_cast<double>(before) / after;
    const double weight = static_cast<double>(before) * share;
    for (std::size_t c = 0; c < total_mean.size(); ++c) {
      const auto from = static_cast<std::size_t>(tile * d.channels) + c;
      const double difference = static_cast<double>(tile_mean[from]) - total_mean[c];
      total_mean[c] += difference * share;
      total_squares[c] +=
          static_cast<double>(tile_squares[from]) + difference * difference * weight;
    }
  }
  for (Index c = 0; c < d.channels; ++c) {
    const auto from = static_cast<std::size_t>(c);
    mean[c] = static_cast<T>(total_mean[from]);
    variance[c] = static_cast<T>(total_squares[from] / static_cast<double>(d.rows));
  }
}

/// y = (x - mean) scale + shift
template <class T>
void batch_norm_forward(const BatchNormDims& d, const T* x, const T* mean, const T* scale,
                        const T* shift, T* y) {
  for_channel_strips<T>(d, [&](const ChannelStrip& strip) {
    const auto m = strip.load(mean + strip.channel);
    const auto a = strip.load(scale + strip.channel);
    const auto b = strip.load(shift + strip.channel);
    for (Index row = 0; row < strip.rows; ++row) {
      const Index at = strip.at(row);
      strip.store(multiply_add(strip.load(x + at) - m, a, b), y + at);
    }
  });
}

/// sum_dy (C) = sum of dy, which is dbeta; sum_dy_x (C) = sum of dy (x - mean) inverse: dgamma
template <class T>
void batch_norm_backward_sums(const BatchNormDims& d, const T* x, const T* dy, const T* mean,
                              const T* inverse, T* sum_dy, T* sum_dy_x) {
  const auto size = static_cast<std::size_t>(d.row_tiles() * d.channels);
  std::vector<T> tile_dy(size);
  std::vector<T> tile_dy_x(size);
  for_channel_strips<T>(d, [&](const ChannelStrip& strip) {
    const auto m = strip.load(mean + strip.channel);
    const auto sums_of = sum_rows<2, T>(strip.rows, [&](Index row, auto& sums) {
      const Index at = strip.at(row);
      const auto upstream = strip.load(dy + at);
      sums[0] = sums[0] + upstream;
      sums[1] = multiply_add(upstream, strip.load(x + at) - m, sums[1]);
    });
    const Index to = strip.row_tile * d.channels + strip.channel;
    strip.store(sums_of[0], tile_dy.data() + to);
    strip.store(sums_of[1], tile_dy_x.data() + to);
  });

  std::vector<double> total_dy(static_cast<std::size_t>(d.channels));
  std::vector<double> total_dy_x(static_cast<std::size_t>(d.channels));
  for (std::size_t from = 0; from < size;) {
    for (std::size_t c = 0; c < total_dy.size(); ++c, ++from) {
      total_dy[c] += static_cast<double>(tile_dy[from]);
      total_dy_x[c] += static_cast<double>(tile_dy_x[from]);
    }
  }
  for (Index c = 0; c < d.channels; ++c) {
    const auto from = static_cast<std::size_t>(c);
    sum_dy[c] = static_cast<T>(total_dy[from]);
    sum_dy_x[c] = static_cast<T>(total_dy_x[from]) * inverse[c];
  }
}

/// dx = scale dy - slope (x - mean) - offset. In training slope = scale inverse dgamma / R and
/// offset = scale dbeta / R, because the statistics depend on x; else both are 0.
template <class T>
void batch_norm_backward_input(const BatchNormDims& d, const T* x, const T* dy, const T* mean,
                               const T* scale, const T* slope, const T* offset,
                               GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  for_channel_strips<T>(d, [&](const ChannelStrip& strip) {
    const auto m = strip.load(mean + strip.channel);
    const auto a = strip.load(scale + strip.channel);
    const auto b = Packet<T>::zero() - strip.load(slope + strip.channel);
    const auto c = Packet<T>::zero() - strip.load(offset + strip.channel);
    for (Index row = 0; row < strip.rows; ++row) {
      const Index at = strip.at(row);
      T* const to = dx.data() + at;
      const auto before = dx.accumulate ? strip.load(to) + c : c;
      const auto through_statistics = multiply_add(strip.load(x + at) - m, b, before);
      strip.store(multiply_add(strip.load(dy + at), a, through_statistics), to);
    }
  });
}

CNNRNN_KERNELS_END
