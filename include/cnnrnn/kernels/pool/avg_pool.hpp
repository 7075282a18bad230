#pragma once

#include <algorithm>

#include "cnnrnn/kernels/loops/lanes.hpp"
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

/// y = the mean of each window
template <class T>
void avg_pool2d_forward(const Pool2dDims& d, bool padded, const T* x, T* y) {
  using P = Packet<T>;
  for_all_windows(d, x, [&](const T* image, PoolExtent rows, PoolExtent columns, Index pixel) {
    const P scale = P::set(average_pool_scale<T>(d, rows, columns, padded));
    for_each_lanes<T>(d.c, [&](const auto& lanes) {
      P sum = P::zero();
      for_window(rows, columns, [&](Index row, Index column) {
        sum = sum + lanes.load(image + (row * d.w + column) * d.c);
      });
      lanes.store(y + pixel * d.c, sum * scale);
    });
  });
}

/// dx = the sum of dy / count over the windows that hold x
template <class T>
void avg_pool2d_backward(const Pool2dDims& d, bool padded, const T* dy, GradientSpan<T> dx) {
  for_gradient_rows(d, dx, [&](Index image, Index row, T* to) {
    for_windows_over_row(d, row, [&](Index p, Index q, Index column, Index /*position*/) {
      const T* const from = dy + ((image * d.oh + p) * d.ow + q) * d.c;
      T* const target = to + column * d.c;
      const auto scale =
          Packet<T>::set(average_pool_scale<T>(d, pool_rows(d, p), pool_columns(d, q), padded));
      for_each_lanes<T>(d.c, [=](const auto& lanes) {
        lanes.store(target, multiply_add(lanes.load(from), scale, lanes.load(target)));
      });
    });
  });
}

CNNRNN_KERNELS_END
