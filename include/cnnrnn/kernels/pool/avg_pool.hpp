#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "cnnrnn/kernels/pool/windows.hpp"

CNNRNN_KERNELS_BEGIN

/// One over what a window's sum is divided by: the number of its pixels, those of the padding
/// among them if `padded`.
template <class T>
T average_pool_scale(const Pool2dDims& d, const PoolExtent& rows, const PoolExtent& columns,
                     bool padded) {
  if (!padded) {
    return T(1) / static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
  }
  // A window that ceil mode lets hang over the padding counts only as far as the padding goes.
  const Index bottom = std::min(rows.first + d.kernel.h, d.h + d.padding.h);
  const Index right = std::min(columns.first + d.kernel.w, d.w + d.padding.w);
  return T(1) / static_cast<T>((bottom - rows.first) * (right - columns.first));
}

/// The same of windows without padding.
template <class T>
T average_pool_scale(const AdaptivePool2dDims& /*d*/, const PoolExtent& rows,
                     const PoolExtent& columns, bool /*padded*/) {
  return T(1) / static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
}

/// The same of all windows (OH, OW) of an image.
template <class T, class Dims>
std::vector<T> average_pool_scales(const Dims& d, bool padded) {
  std::vector<T> scales;
  scales.reserve(static_cast<std::size_t>(d.oh * d.ow));
  for (Index p = 0; p < d.oh; ++p) {
    for (Index q = 0; q < d.ow; ++q) {
      scales.push_back(average_pool_scale<T>(d, pool_rows(d, p), pool_columns(d, q), padded));
    }
  }
  return scales;
}

/// y = the mean of each window
template <class Dims, class T>
void avg_pool2d_forward(const Dims& d, bool padded, const T* x, T* y) {
  using A = Accumulator<T>;
  using P = Packet<A>;
  for_all_windows(d, x, [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
    const P scale = P::set(average_pool_scale<A>(d, rows, columns, padded));
    for_each_lanes_side_by_side<T>(d.c, [&](auto packets, const auto& lanes) {
      std::array<P, packets> sums;
      unroll<Index{packets}>([&](auto v) { sums[v] = P::zero(); });
      for_window(rows, columns, [&](Index row, Index column) {
        const T* const from = image + (row * d.w + column) * d.c;
        unroll<Index{packets}>([&](auto v) { sums[v] = sums[v] + lanes.beside(v).load(from); });
      });
      T* const to = y + pixel * d.c;
      unroll<Index{packets}>([&](auto v) { lanes.beside(v).store(to, sums[v] * scale); });
    });
  });
}

/// dx = the sum of dy / count over the windows that hold x
template <class Dims, class T>
void avg_pool2d_backward(const Dims& d, bool padded, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  using A = Accumulator<T>;
  const auto scales = average_pool_scales<A>(d, padded);
  gather_from_windows(d, dx, [&](const auto& lanes, const PoolShare& share, Packet<A> sum) {
    const auto scale = Packet<A>::set(scales[static_cast<std::size_t>(share.window)]);
    return multiply_add(lanes.load(dy + share.pixel * d.c), scale, sum);
  });
}

CNNRNN_KERNELS_END
