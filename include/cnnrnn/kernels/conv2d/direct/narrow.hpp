#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"

// The direct convolution of few channels to so few outputs that they fill half a packet or less:
// pixels of several parts of a band share one. Each element of the source becomes a packet that
// holds it for all parts.
//
//   parts   of a band, each of as many rows of the result, the last of which may not exist
//   lanes   of a packet that belong to a part

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Weights (taps, C, parts, lanes): the same for all parts, those of each output times its scale
/// unless that is null.
template <class T>
Tensor<T> narrow_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  const Index lanes = Packet<T>::width / parts_of_packet<T>(d);
  Tensor<T> packed = Tensor<T>::zeros({d.taps(), d.c, Packet<T>::width});
  T* to = packed.mutable_data();
  for (Index tap = 0; tap < d.taps(); ++tap) {
    for (Index c = 0; c < d.c; ++c, to += Packet<T>::width) {
      for (Index lane = 0; lane < Packet<T>::width; ++lane) {
        if (const Index o = lane % lanes; o < d.o) {
          to[lane] = weight[(o * d.c + c) * d.taps() + tap] * (scale != nullptr ? scale[o] : T(1));
        }
      }
    }
  }
  return packed;
}

/// A band whose elements are packets: lanes of each part hold what that part reads.
template <class T, Index Parts>
class SpreadBand {
 public:
  static constexpr Index width = Packet<T>::width;
  static constexpr Index lanes = width / Parts;

  SpreadBand(const ConvBand<T>& band, const ConvWindow& window)
      : band_(band),
        window_(window),
        rows_((band.rows() + Parts - 1) / Parts),
        line_(band.row_step() / window.stride.h),
        packets_(lines() * line_ * width) {
    for (Index line = 0; line < lines(); ++line) {
      const T* from[static_cast<std::size_t>(Parts)];
      unroll<Parts>([&](auto part) {
        const Index place = part * rows_ * window.stride.h + line;
        from[part] = band.pixel(0) + std::min(place, band.lines() - 1) * line_;
      });
      spread(from, packets_.data() + line * line_ * width);
    }
  }

  /// to (pixels, columns) = bias + the band times packed weights, or added to what is there.
  void convolve(const T* packed, Index columns, const T* bias, T* to, bool accumulate) const {
    alignas(64) T start[static_cast<std::size_t>(width)] = {};
    for (Index lane = 0; bias != nullptr && lane < width; ++lane) {
      start[lane] = lane % lanes < columns ? bias[lane % lanes] : T(0);
    }
    const Index pixels = rows_ * window_.out_w;
    for (Index p0 = 0; p0 < pixels; p0 += Tile<T>::rows) {
      alignas(64) T sums[static_cast<std::size_t>(Tile<T>::rows * width)];
      tile(p0, packed, Packet<T>::load(start), sums);
      for (Index part = 0; part < Parts; ++part) {
        const Index first = part * pixels + p0;
        const Index count = std::min({Tile<T>::rows, pixels - p0, band_.pixels() - first});
        for (Index i = 0; i < count; ++i) {
          store(sums + i * width + part * lanes, columns, to + (first + i) * columns, accumulate);
        }
      }
    }
  }

 private:
  Index lines() const {
    return (rows_ - 1) * window_.stride.h + (window_.kernel.h - 1) * window_.dilation.h + 1;
  }

  void spread(const T* const (&from)[static_cast<std::size_t>(Parts)], T* to) const {
    for (Index i = 0; i < line_; ++i, to += width) {
      unroll<Parts>([&](auto part) { std::fill_n(to + part * lanes, lanes, from[part][i]); });
    }
  }

  /// The sums of pixels p0, p0 + 1, ... of all parts; of the last one where there are no more.
  [[gnu::flatten]] void tile(Index p0, const T* packed, Packet<T> start, T* sums) const {
    const T* pixels[Tile<T>::rows];
    band_.pixels_from(p0, pixels);
    const T* const last = band_.pixel(rows_ * window_.out_w - 1);
    for (const T*& pixel : pixels) {
      pixel = packets_.data() + (std::min(pixel, last) - band_.pixel(0)) * width;
    }
    Packet<T> sum[Tile<T>::rows];
    std::fill_n(sum, Tile<T>::rows, start);
    for (const Run run : band_.runs()) {
      const Index end = (run.begin + run.length) * width;
      for (Index k = run.begin * width; k < end; k += width, packed += width) {
        const auto weights = Packet<T>::load(packed);
        unroll<Tile<T>::rows>([&](auto i) {
          sum[i] = multiply_add(Packet<T>::load(pixels[i] + k), weights, sum[i]);
        });
      }
    }
    unroll<Tile<T>::rows>([&](auto i) { sum[i].store(sums + i * width); });
  }

  static void store(const T* sum, Index columns, T* to, bool accumulate) {
    const auto value = Packet<T>::load_partial(sum, columns);
    const auto before = accumulate ? Packet<T>::load_partial(to, columns) : Packet<T>::zero();
    (accumulate ? before + value : value).store_partial(to, columns);
  }

  const ConvBand<T>& band_;
  const ConvWindow& window_;
  Index rows_;  ///< of a part
  Index line_;  ///< elements of a line of the band
  ThreadScratch<T> packets_;
};

/// One band: to (pixels, columns) = band * the weights of narrow_weights.
template <class T>
void convolve_narrow_band(const ConvBand<T>& band, const ConvWindow& window, Index parts,
                          const T* packed, Index columns, const T* bias, T* to, bool accumulate) {
  const auto convolve = [&](auto number) {
    if constexpr (number <= Packet<T>::width) {
      SpreadBand<T, number>(band, window).convolve(packed, columns, bias, to, accumulate);
    }
  };
  if (parts == 4) {
    convolve(std::integral_constant<Index, 4>{});
  } else {
    convolve(std::integral_constant<Index, 2>{});
  }
}

/// y (N, OH, OW, O) = x convolved with the weights of narrow_weights. A block is a band.
template <class T>
void narrow_convolve(const Conv2dDims& d, const T* x, const T* packed, const ConvOutput<T>& y) {
  const ConvWindow window = forward_window(d);
  const Index bands = window.bands<T>();
  const Index parts = parts_of_packet<T>(d);
  parallel_for(d.n * bands, 1, [&](Index job, Index) {
    const ConvWindow part = window.band<T>(job % bands);
    ConvBand<T> band(part, d.c, BandSource::all_lines);
    const Index image = job / bands;
    const Index begin = image * window.out_h * window.out_w + window.first_pixel<T>(job % bands);
    band.fill(x + image * d.h * d.w * d.c, 0);
    convolve_narrow_band(band, part, parts, packed, d.o, y.bias, y.data + begin * d.o,
                         y.accumulate);
    y.finish(job, begin, begin + band.pixels());
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
