#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/few_outputs/window_runs.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"

// Each output of a pixel as the scalar product of its window and a row of weights, in tiles of
// pixels and outputs.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The sums of a tile: as many as hide the latency of a multiply-add, in whole squares to
/// transpose.
template <class T>
inline constexpr Index dot_sums = std::max<Index>(Packet<T>::width, 8);

/// How many outputs of how many pixels a tile makes.
inline constexpr Index most_dot_outputs = 4;
template <class T, Index Outputs>
inline constexpr Index dot_pixels = dot_sums<T> / Outputs;

/// to (pixels of a tile, Outputs) = the products of windows and weights (Outputs, `size`).
template <class T, Index Outputs>
[[gnu::flatten, gnu::noinline]] void dot_tile(
    const T* const (&pixels)[static_cast<std::size_t>(dot_pixels<T, Outputs>)],
    std::span<const Run> runs, const T* weights, Index size, T* to) {
  using P = Packet<T>;
  constexpr Index rows = dot_pixels<T, Outputs>;
  P sum[static_cast<std::size_t>(rows)][static_cast<std::size_t>(Outputs)];
  unroll<rows>([&](auto i) { unroll<Outputs>([&](auto o) { sum[i][o] = P::zero(); }); });
  const auto add = [&](const auto& load) CNNRNN_INLINE_LAMBDA {
    P weight[static_cast<std::size_t>(Outputs)];
    unroll<Outputs>([&](auto o) { weight[o] = P::load(weights + o * size); });
    unroll<rows>([&](auto i) {
      const P of_pixel = load(pixels[i]);
      unroll<Outputs>([&](auto o) { sum[i][o] = multiply_add(of_pixel, weight[o], sum[i][o]); });
    });
    weights += P::width;
  };
  for (const Run run : runs) {
    const Index end = run.begin + run.length;
    Index k = run.begin;
    for (; k + P::width <= end; k += P::width) {
      add([k](const T* pixel) { return P::load(pixel + k); });
    }
    if (k < end) {
      add([k, end](const T* pixel) { return P::load_partial(pixel + k, end - k); });
    }
  }
  unroll<dot_sums<T> / P::width>([&](auto square) {
    std::array<P, static_cast<std::size_t>(P::width)> lanes;
    unroll<P::width>([&](auto lane) {
      constexpr Index at = square * P::width + lane;
      lanes[lane] = at < rows * Outputs ? sum[at / Outputs][at % Outputs] : P::zero();
    });
    sums_of(lanes).store(to + square * P::width);
  });
}

/// The pixels of a band as `Outputs` outputs of theirs, to (pixels, outputs of the convolution).
template <class T, Index Outputs>
void dot_outputs(const ConvBand<T>& band, Index first, Index count, const T* weights, Index size,
                 const T* bias, bool accumulate, T* to, Index step) {
  constexpr Index rows = dot_pixels<T, Outputs>;
  for (Index p = first; p < first + count; p += rows) {
    const T* pixels[static_cast<std::size_t>(rows)];
    band.pixels_from(p, pixels);
    alignas(64) T sums[static_cast<std::size_t>(dot_sums<T>)];
    dot_tile<T, Outputs>(pixels, band.runs(), weights, size, sums);
    for (Index i = 0; i < std::min(rows, first + count - p); ++i) {
      for (Index o = 0; o < Outputs; ++o) {
        T& result = to[(p + i) * step + o];
        const T start = accumulate ? result : bias != nullptr ? bias[o] : T(0);
        result = start + sums[i * Outputs + o];
      }
    }
  }
}

/// One band: to (pixels, outputs) = its windows times weights (outputs, `size`). Some pixels at a
/// time, so that they stay in the first cache for all of the outputs.
template <class T>
void dot_band(const ConvBand<T>& band, const T* weights, Index size, const ConvOutput<T>& y,
              T* to) {
  constexpr Index together = 2 * dot_sums<T>;
  for (Index p = 0; p < band.pixels(); p += together) {
    const Index count = std::min(together, band.pixels() - p);
    for (Index o = 0; o < y.channels;) {
      const auto make = [&](auto outputs) {
        dot_outputs<T, outputs>(band, p, count, weights + o * size, size,
                                y.bias != nullptr ? y.bias + o : nullptr, y.accumulate, to + o,
                                y.channels);
        o += outputs;
      };
      switch (std::min(y.channels - o, most_dot_outputs)) {
        case 1:
          make(std::integral_constant<Index, 1>{});
          break;
        case 2:
          make(std::integral_constant<Index, 2>{});
          break;
        case 3:
          make(std::integral_constant<Index, 3>{});
          break;
        default:
          make(std::integral_constant<Index, 4>{});
      }
    }
  }
}

/// y (N, out_h, out_w, outputs) = what the window sees of x, times weights padded by its runs. A
/// block is a band.
template <class T>
void convolve_to_few(const ConvWindow& window, Index n, const T* x, const T* weights,
                     const ConvOutput<T>& y) {
  const WindowRuns runs(window);
  const Index bands = window.bands<T>();
  parallel_for(n * bands, 1, [&](Index job, Index) {
    ConvBand<T> band(window.band<T>(job % bands), window.c);
    const Index image = job / bands;
    const Index begin = image * window.out_h * window.out_w + window.first_pixel<T>(job % bands);
    band.fill(x + image * window.h * window.w * window.c, 0);
    dot_band(band, weights, runs.padded_size<T>(), y, y.data + begin * y.channels);
    y.finish(job, begin, begin + band.pixels());
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
