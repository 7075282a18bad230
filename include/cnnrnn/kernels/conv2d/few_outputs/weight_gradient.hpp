#pragma once

#include <algorithm>
#include <cstddef>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/band.hpp"
#include "cnnrnn/kernels/conv2d/few_outputs/window_runs.hpp"
#include "cnnrnn/kernels/gemm/microkernel.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// The weight gradient of few outputs: each element of dy times packets of what its window reads.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// sums (Outputs, `size`) += over the pixels of a band dy (pixels, ..., `step` apart) times Packets
/// packets of the windows, from place `at` on, the last of which may exist in part.
template <class T, Index Outputs, Index Packets>
[[gnu::flatten, gnu::noinline]] void add_window_part(const ConvBand<T>& band, Index at, Index last,
                                                     const T* dy, Index step, T* sums, Index size) {
  using P = Packet<T>;
  P sum[static_cast<std::size_t>(Outputs)][static_cast<std::size_t>(Packets)];
  unroll<Outputs>([&](auto o) {
    unroll<Packets>([&](auto v) { sum[o][v] = P::load(sums + o * size + v * P::width); });
  });
  for (Index row = 0; row < band.rows(); ++row) {
    const T* from = band.pixel(0) + row * band.row_step() + at;
    for (Index column = 0; column < band.columns();
         ++column, from += band.pixel_step(), dy += step) {
      P of_window[static_cast<std::size_t>(Packets)];
      unroll<Packets>([&](auto v) {
        const T* const place = from + v * P::width;
        of_window[v] = v + 1 < Packets ? P::load(place) : P::load_partial(place, last);
      });
      unroll<Outputs>([&](auto o) {
        const P gradient = P::set(dy[o]);
        unroll<Packets>(
            [&](auto v) { sum[o][v] = multiply_add(gradient, of_window[v], sum[o][v]); });
      });
    }
  }
  unroll<Outputs>([&](auto o) {
    unroll<Packets>([&](auto v) { sum[o][v].store(sums + o * size + v * P::width); });
  });
}

/// How many packets of the windows are summed side by side for some outputs.
template <Index Outputs>
inline constexpr Index window_packets = vector_registers == 32 ? (Outputs == 4 ? 5 : 6)
                                                               : (Outputs == 4 ? 2 : 3);

/// The same for whole windows.
template <class T, Index Outputs>
void add_windows(const ConvBand<T>& band, const T* dy, Index step, T* sums, Index size) {
  constexpr Index width = Packet<T>::width;
  constexpr Index most = window_packets<Outputs>;
  for (const Run run : band.runs()) {
    for (Index k = 0; k < run.length;) {
      const Index left = run.length - k;
      const auto add = [&](auto packets) {
        const Index last = std::min(width, left - (packets - 1) * width);
        add_window_part<T, Outputs, packets>(band, run.begin + k, last, dy, step, sums, size);
        k += packets * width;
        sums += packets * width;
      };
      if (left > (most - 1) * width) {
        add(std::integral_constant<Index, most>{});
      } else if (left > width) {
        add(std::integral_constant<Index, 2>{});
      } else {
        add(std::integral_constant<Index, 1>{});
      }
    }
  }
}

/// Sums (O, padded windows) over all pixels of dy times what their windows read. The bands of all
/// images are cut into a fixed number of chunks, which are added in order.
template <class T>
Tensor<T> few_outputs_sums(const Conv2dDims& d, const T* x, const T* dy) {
  const ConvWindow window = forward_window(d);
  const Index size = WindowRuns(window).padded_size<T>();
  const Index bands = window.bands<T>();
  constexpr Index most_chunks = 16;
  const Index chunk = std::max<Index>(1, (d.n * bands + most_chunks - 1) / most_chunks);
  const Index chunks = std::max<Index>(1, (d.n * bands + chunk - 1) / chunk);  // of nothing: zeros
  Tensor<T> sums = Tensor<T>::zeros({chunks, d.o, size});
  T* const all = sums.mutable_data();
  parallel_for(chunks, 1, [&](Index part, Index) {
    for (Index job = part * chunk; job < std::min(d.n * bands, (part + 1) * chunk); ++job) {
      ConvBand<T> band(window.band<T>(job % bands), d.c);
      band.fill(x + job / bands * d.h * d.w * d.c, 0);
      const Index pixel =
          job / bands * window.out_h * window.out_w + window.first_pixel<T>(job % bands);
      Index o = 0;
      const auto add = [&](auto outputs, Index at) {
        add_windows<T, outputs>(band, dy + pixel * d.o + at, d.o, all + (part * d.o + at) * size,
                                size);
      };
      take_rows<4>(o, d.o, add);
      take_rows<2>(o, d.o, add);
      take_rows<1>(o, d.o, add);
    }
  });
  parallel_for(d.o * size, 4096, [&](Index begin, Index end) {
    for (Index part = 1; part < chunks; ++part) {
      const T* const more = all + part * d.o * size + begin;
      for_each_lanes<T>(end - begin, [=](const auto& lanes) {
        lanes.store(all + begin, lanes.load(all + begin) + lanes.load(more));
      });
    }
  });
  return sums;
}

}  // namespace detail

CNNRNN_KERNELS_END
