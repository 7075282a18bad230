#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/lanes.hpp"

// Batch normalisation over the rows of x (R, C), each channel on its own.
//
//   mean, variance (C)   of a channel's R values; the variance is the biased one
//   inverse (C)          1 / sqrt(variance + epsilon)
//
// Memory is what it costs, so every pass streams through x from front to back. Some rows together
// make a wide row of at least 128 elements that is full of whole vectors; what belongs to a channel
// is repeated along a wide row. Tiles of wide rows fit in the caches and belong to one thread.

CNNRNN_KERNELS_BEGIN

struct BatchNormDims {
  BatchNormDims(Index rows_of_x, Index channels_of_x) : rows(rows_of_x), channels(channels_of_x) {
    constexpr Index vector = 16;  // of any instruction set, so that results are cut alike
    constexpr Index enough = 128;
    if (channels > 0 && channels < enough) {
      const Index whole = vector / std::gcd(channels, vector);
      fold = (enough + whole * channels - 1) / (whole * channels) * whole;
    }
    width = fold * channels;
    tile = std::max<Index>(16, (1 << 13) / std::max<Index>(1, width));
  }

  Index rows, channels;
  Index fold = 1;  ///< rows in a wide row
  Index width;     ///< elements of a wide row
  Index tile;      ///< wide rows in a tile

  Index wide_rows() const { return (rows + fold - 1) / fold; }
  Index tiles() const { return (wide_rows() + tile - 1) / tile; }
};

/// Calls body(lanes, offset) for all vectors of the wide rows begin ... end: the lanes are within a
/// wide row, which starts at x + offset. The last wide row may be cut short. Bodies capture by
/// value, for the reason that is in for_each_lanes.
template <class T, class Body>
void for_wide_rows(const BatchNormDims& d, Index begin, Index end, const Body& body) {
  for (Index row = begin; row < end; ++row) {
    const Index offset = row * d.width;
    const Index count = std::min(d.width, d.rows * d.channels - offset);
    for_each_lanes<T>(count, [=](const auto& lanes) { body(lanes, offset); });
  }
}

/// values (C), repeated along a wide row
template <class T>
std::vector<T> repeat_channels(const BatchNormDims& d, const T* values) {
  std::vector<T> wide;
  wide.reserve(static_cast<std::size_t>(d.width));
  for (Index i = 0; i < d.fold; ++i) {
    wide.insert(wide.end(), values, values + d.channels);
  }
  return wide;
}

/// sums (C) = the sums of what a wide row holds for each channel
template <class T>
void fold_channels(const BatchNormDims& d, const std::vector<T>& wide, T* sums) {
  std::copy_n(wide.data(), d.channels, sums);
  for (Index i = 1; i < d.fold; ++i) {
    const T* const from = wide.data() + i * d.channels;
    for (Index c = 0; c < d.channels; ++c) {
      sums[c] += from[c];
    }
  }
}

/// Mean (C) and sum of squared differences from it (C) of `rows` rows in the wide rows begin ...
/// end. What rounding left out of the mean is found with the squares and corrects both.
template <class T>
void tile_statistics(const BatchNormDims& d, Index begin, Index end, Index rows, const T* x,
                     T* mean, T* squares) {
  std::vector<T> wide(static_cast<std::size_t>(d.width));
  T* const sums = wide.data();
  for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index offset) {
    lanes.store(sums, lanes.load(sums) + lanes.load(x + offset));
  });
  fold_channels(d, wide, mean);
  for (Index c = 0; c < d.channels; ++c) {
    mean[c] /= static_cast<T>(rows);
  }

  const auto wide_mean = repeat_channels(d, mean);
  std::vector<T> wide_squares(wide.size());
  std::fill(wide.begin(), wide.end(), T(0));
  const T* const centre = wide_mean.data();
  T* const square_sums = wide_squares.data();
  for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index offset) {
    const auto difference = lanes.load(x + offset) - lanes.load(centre);
    lanes.store(sums, lanes.load(sums) + difference);
    lanes.store(square_sums, multiply_add(difference, difference, lanes.load(square_sums)));
  });
  std::vector<T> rest(static_cast<std::size_t>(d.channels));
  fold_channels(d, wide, rest.data());
  fold_channels(d, wide_squares, squares);
  for (Index c = 0; c < d.channels; ++c) {
    const T left = rest[static_cast<std::size_t>(c)];
    const T correction = left / static_cast<T>(rows);
    mean[c] += correction;
    squares[c] -= left * correction;
  }
}

/// Mean and biased variance of each channel. Every tile finds its own mean, then the squares of the
/// differences from it, so that a large mean costs no digits; the tiles are combined in order
/// (Chan, Golub and LeVeque 1983).
template <class T>
void batch_norm_statistics(const BatchNormDims& d, const T* x, T* mean, T* variance) {
  const auto channels = static_cast<std::size_t>(d.channels);
  std::vector<T> means(static_cast<std::size_t>(d.tiles()) * channels);
  std::vector<T> squares(means.size());
  const Index tile_rows = d.tile * d.fold;
  parallel_for(d.wide_rows(), d.tile, [&](Index begin, Index end) {
    const Index to = begin / d.tile * d.channels;
    const Index rows = std::min(tile_rows, d.rows - begin * d.fold);
    tile_statistics(d, begin, end, rows, x, means.data() + to, squares.data() + to);
  });

  std::vector<double> total_mean(channels);
  std::vector<double> total_squares(channels);
  for (Index tile = 0; tile < d.tiles(); ++tile) {
    const Index before = tile * tile_rows;
    const auto after = static_cast<double>(std::min(d.rows, before + tile_rows));
    const double share = 1 - static_cast<double>(before) / after;
    const double weight = static_cast<double>(before) * share;
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t from = static_cast<std::size_t>(tile) * channels + c;
      const double difference = static_cast<double>(means[from]) - total_mean[c];
      total_mean[c] += difference * share;
      total_squares[c] += static_cast<double>(squares[from]) + difference * difference * weight;
    }
  }
  for (std::size_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<T>(total_mean[c]);
    variance[c] = static_cast<T>(total_squares[c] / static_cast<double>(d.rows));
  }
}

/// y = (x - mean) scale + shift
template <class T>
void batch_norm_forward(const BatchNormDims& d, const T* x, const T* mean, const T* scale,
                        const T* shift, T* y) {
  const auto wide_mean = repeat_channels(d, mean);
  const auto wide_scale = repeat_channels(d, scale);
  const auto wide_shift = repeat_channels(d, shift);
  const T* const m = wide_mean.data();
  const T* const a = wide_scale.data();
  const T* const b = wide_shift.data();
  parallel_for(d.wide_rows(), d.tile, [&](Index begin, Index end) {
    for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index offset) {
      const auto centred = lanes.load(x + offset) - lanes.load(m);
      lanes.store(y + offset, multiply_add(centred, lanes.load(a), lanes.load(b)));
    });
  });
}

/// sum_dy (C) = sum of dy, which is dbeta; sum_dy_x (C) = sum of dy (x - mean) inverse: dgamma
template <class T>
void batch_norm_backward_sums(const BatchNormDims& d, const T* x, const T* dy, const T* mean,
                              const T* inverse, T* sum_dy, T* sum_dy_x) {
  const auto channels = static_cast<std::size_t>(d.channels);
  std::vector<T> tile_dy(static_cast<std::size_t>(d.tiles()) * channels);
  std::vector<T> tile_dy_x(tile_dy.size());
  const auto wide_mean = repeat_channels(d, mean);
  const T* const m = wide_mean.data();
  parallel_for(d.wide_rows(), d.tile, [&](Index begin, Index end) {
    std::vector<T> wide_dy(wide_mean.size());
    std::vector<T> wide_dy_x(wide_mean.size());
    T* const sums_dy = wide_dy.data();
    T* const sums_dy_x = wide_dy_x.data();
    for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index offset) {
      const auto upstream = lanes.load(dy + offset);
      const auto centred = lanes.load(x + offset) - lanes.load(m);
      lanes.store(sums_dy, lanes.load(sums_dy) + upstream);
      lanes.store(sums_dy_x, multiply_add(upstream, centred, lanes.load(sums_dy_x)));
    });
    const Index to = begin / d.tile * d.channels;
    fold_channels(d, wide_dy, tile_dy.data() + to);
    fold_channels(d, wide_dy_x, tile_dy_x.data() + to);
  });

  std::vector<double> total_dy(channels);
  std::vector<double> total_dy_x(channels);
  for (std::size_t from = 0; from < tile_dy.size();) {
    for (std::size_t c = 0; c < channels; ++c, ++from) {
      total_dy[c] += static_cast<double>(tile_dy[from]);
      total_dy_x[c] += static_cast<double>(tile_dy_x[from]);
    }
  }
  for (std::size_t c = 0; c < channels; ++c) {
    sum_dy[c] = static_cast<T>(total_dy[c]);
    sum_dy_x[c] = static_cast<T>(total_dy_x[c]) * inverse[c];
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
  const auto wide_mean = repeat_channels(d, mean);
  const auto wide_scale = repeat_channels(d, scale);
  const auto wide_slope = repeat_channels(d, slope);
  const auto wide_offset = repeat_channels(d, offset);
  const T* const m = wide_mean.data();
  const T* const a = wide_scale.data();
  const T* const b = wide_slope.data();
  const T* const c = wide_offset.data();
  parallel_for(d.wide_rows(), d.tile, [&](Index begin, Index end) {
    for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index at) {
      const auto centred = lanes.load(x + at) - lanes.load(m);
      const auto through_statistics = multiply_add(centred, lanes.load(b), lanes.load(c));
      const auto value = lanes.load(dy + at) * lanes.load(a) - through_statistics;
      T* const to = dx.data() + at;
      lanes.store(to, dx.accumulate ? lanes.load(to) + value : value);
    });
  });
}

CNNRNN_KERNELS_END
