#pragma once

#include <algorithm>
#include <utility>

#include "cnnrnn/kernels/conv2d/dims.hpp"

CNNRNN_KERNELS_BEGIN

/// How a convolution reads its source along an axis: place p of the result reads, for tap t, place
/// p * stride + t * dilation - padding, of which those that are not in 0 ... size - 1 are zeros.
struct TapsOnAxis {
  Index size, out;
  Index kernel, stride, padding, dilation;

  /// The first tap of a place that reads the source, and how many do.
  std::pair<Index, Index> inside(Index place) const {
    const Index from = place * stride - padding;
    const auto taps_before = [this](Index distance) {  // that many places
      return std::clamp<Index>((distance + dilation - 1) / dilation, 0, kernel);
    };
    const Index first = from < 0 ? taps_before(-from) : 0;
    const Index end = from < size ? taps_before(size - from) : 0;
    return {first, std::max<Index>(0, end - first)};
  }

  /// How many of all taps read the source.
  double share_inside() const {
    Index sum = 0;
    for (Index place = 0; place < out; ++place) {
      sum += inside(place).second;
    }
    return static_cast<double>(sum) / static_cast<double>(std::max<Index>(1, out * kernel));
  }
};

/// How many of all products of a convolution are not by the zeros around the image. 1 where it is
/// clearly most of them.
inline double share_inside(const TapsOnAxis& rows, const TapsOnAxis& columns) {
  const auto reaches_far = [](const TapsOnAxis& axis) {
    return 3 * (axis.kernel - 1) * axis.dilation >= axis.size;
  };
  return (reaches_far(rows) ? rows.share_inside() : 1) *
         (reaches_far(columns) ? columns.share_inside() : 1);
}

inline double share_inside(const Conv2dDims& d) {
  return share_inside({d.h, d.oh(), d.kernel.h, d.stride.h, d.padding.h, d.dilation.h},
                      {d.w, d.ow(), d.kernel.w, d.stride.w, d.padding.w, d.dilation.w});
}

CNNRNN_KERNELS_END
