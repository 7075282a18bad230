#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/direct/convolve.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/taps_inside.hpp"

// Dilated or large kernels on small images, where many taps of a pixel read nothing but the zeros
// around the image. The result is cut into zones: the pixels of one read the same taps inside of
// the image, and only these are multiplied. Nothing is copied.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Rows or columns of the result that read the same taps.
struct TapZone {
  Index first, count;
  Index tap, taps;
};

/// The zones along an axis: `most` of the result at a time.
inline std::vector<TapZone> tap_zones(const TapsOnAxis& axis, Index most) {
  std::vector<TapZone> zones;
  for (Index place = 0; place < axis.out; ++place) {
    const auto [tap, taps] = axis.inside(place);
    const TapZone* const last = zones.empty() ? nullptr : &zones.back();
    if (last != nullptr && last->tap == tap && last->taps == taps && last->count < most) {
      ++zones.back().count;
    } else {
      zones.push_back({place, 1, tap, taps});
    }
  }
  return zones;
}

/// Whether so few products are by something else than zeros that it pays to make each zone by
/// itself.
inline bool has_zones(const ConvWindow& window, Index groups) {
  constexpr Index least_channels = 16;
  return groups == 1 && window.c >= least_channels &&
         share_inside(window.rows(), window.columns()) < 0.85;
}

/// A convolution, or an input gradient at stride one, zone by zone.
template <class T>
class ZonedConvolution {
 public:
  /// To outputs `columns` of packed weights.
  ZonedConvolution(const ConvWindow& window, Index columns, const T* packed)
      : window_(window),
        columns_(columns),
        packed_(packed),
        row_zones_(tap_zones(window.rows(), std::max<Index>(1, pixels / window.out_w))),
        column_zones_(tap_zones(window.columns(), pixels)) {}

  /// Blocks of rows that one image has.
  Index blocks() const { return static_cast<Index>(row_zones_.size()); }

  /// Makes block `block` of the image `from` (h, w, c), whose first pixel is row `image` of `to`.
  void make(Index block, const T* from, Index image, const ConvOutput<T>& to) const {
    const TapZone& rows = row_zones_[static_cast<std::size_t>(block)];
    for (const TapZone& columns : column_zones_) {
      const ThreadScratch<T> sums(rows.count * columns.count * columns_);
      multiply(rows, columns, from, to.bias, sums.data());
      const T* sum = sums.data();
      for (Index row = rows.first; row < rows.first + rows.count; ++row) {
        const Index pixel = image + row * window_.out_w + columns.first;
        put(columns.count * columns_, sum, to.accumulate, to.data + pixel * columns_);
        sum += columns.count * columns_;
      }
    }
  }

  /// The rows of block `block` of the result.
  Index begin(Index block) const {
    return row_zones_[static_cast<std::size_t>(block)].first * window_.out_w;
  }
  Index end(Index block) const {
    const TapZone& rows = row_zones_[static_cast<std::size_t>(block)];
    return (rows.first + rows.count) * window_.out_w;
  }

 private:
  static constexpr Index pixels = 512;  // about as many as a band has

  void multiply(const TapZone& rows, const TapZone& columns, const T* from, const T* bias,
                T* sums) const {
    if (rows.taps * columns.taps == 0) {
      for (Index pixel = 0; pixel < rows.count * columns.count; ++pixel, sums += columns_) {
        for (Index column = 0; column < columns_; ++column) {
          sums[column] = bias != nullptr ? bias[column] : T(0);
        }
      }
      return;
    }
    ConvWindow part = window_;
    part.out_h = rows.count;
    part.out_w = columns.count;
    part.kernel = {rows.taps, columns.taps};
    part.first_tap = {rows.tap, columns.tap};
    part.padding.h -= rows.first * window_.stride.h + rows.tap * window_.dilation.h;
    part.padding.w -= columns.first * window_.stride.w + columns.tap * window_.dilation.w;
    ConvBand<T> band(part, window_.c);
    band.fill(from, 0);
    convolve_band(band, packed_, columns_, bias, sums, columns_, false);
  }

  static void put(Index count, const T* from, bool accumulate, T* to) {
    for_each_lanes<T>(count, [=](const auto& lanes) {
      const auto value = lanes.load(from);
      lanes.store(to, accumulate ? lanes.load(to) + value : value);
    });
  }

  ConvWindow window_;
  Index columns_;
  const T* packed_;
  std::vector<TapZone> row_zones_, column_zones_;
};

}  // namespace detail

CNNRNN_KERNELS_END
