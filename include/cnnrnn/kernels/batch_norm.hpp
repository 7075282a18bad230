#pragma once

#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/channel_moments.hpp"

// Batch normalisation over the rows of x (R, C), each channel on its own.
//
//   mean, variance (C)   of a channel's R values; the variance is the biased one
//   inverse (C)          1 / sqrt(variance + epsilon)
//
// Memory is what it costs, so every pass streams through x from front to back.

CNNRNN_KERNELS_BEGIN

/// Mean and biased variance of each channel.
template <class T>
void batch_norm_statistics(const WideRows& d, const T* x, T* mean, T* variance) {
  ChannelMoments<T> moments(d.tiles(), d.channels);
  parallel_for(d.count(), d.tile,
               [&](Index begin, Index end) { moments.set(begin / d.tile, d, begin, end, x); });
  moments.combine(mean, variance);
}

/// y = (x - mean) scale + shift
template <class T>
void batch_norm_forward(const WideRows& d, const T* x, const T* mean, const T* scale,
                        const T* shift, T* y) {
  const auto wide_mean = repeat_channels(d, mean);
  const auto wide_scale = repeat_channels(d, scale);
  const auto wide_shift = repeat_channels(d, shift);
  const T* const m = wide_mean.data();
  const T* const a = wide_scale.data();
  const T* const b = wide_shift.data();
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
    for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index offset) {
      const auto centred = lanes.load(x + offset) - lanes.load(m);
      lanes.store(y + offset, multiply_add(centred, lanes.load(a), lanes.load(b)));
    });
  });
}

/// sum_dy (C) = sum of dy, which is dbeta; sum_dy_x (C) = sum of dy (x - mean) inverse: dgamma
template <class T>
void batch_norm_backward_sums(const WideRows& d, const T* x, const T* dy, const T* mean,
                              const T* inverse, T* sum_dy, T* sum_dy_x) {
  const auto channels = static_cast<std::size_t>(d.channels);
  std::vector<T> tile_dy(static_cast<std::size_t>(d.tiles()) * channels);
  std::vector<T> tile_dy_x(tile_dy.size());
  const auto wide_mean = repeat_channels(d, mean);
  const T* const m = wide_mean.data();
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
    std::vector<T> wide(2 * wide_mean.size());
    sum_wide_rows<2>(d, begin, end, wide.data(), [=](const auto& lanes, Index offset, auto& sum) {
      const auto upstream = lanes.load(dy + offset);
      const auto centred = lanes.load(x + offset) - lanes.load(m);
      sum[0] = sum[0] + upstream;
      sum[1] = multiply_add(upstream, centred, sum[1]);
    });
    const Index to = begin / d.tile * d.channels;
    fold_channels(d, wide.data(), tile_dy.data() + to);
    fold_channels(d, wide.data() + d.width, tile_dy_x.data() + to);
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
void batch_norm_backward_input(const WideRows& d, const T* x, const T* dy, const T* mean,
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
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
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
