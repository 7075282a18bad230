#pragma once

#include <array>

#include "cnnrnn/kernels/norm/batch_norm.hpp"
#include "cnnrnn/kernels/pool/max_pool.hpp"

// Batch norm, ReLU and max-pooling of windows of 2 x 2 in one pass: x (N, H, W, C) is read once and
// only y (N, OH, OW, C) is written, with `chosen` (N, OH, OW, C), the x behind each y. Where z is
// largest, x is the chosen one, and the sums over dz are sums over the windows.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Where the four pixels of a window are, from its first one on.
inline std::array<Index, 4> window_offsets(const Pool2dDims& d) {
  return {0, d.c, d.w * d.c, d.w * d.c + d.c};
}

/// The first pixel of window q in row p of windows, counted over all images.
inline Index window_start(const Pool2dDims& d, Index line, Index q) {
  const Index row = line / d.oh * d.h + line % d.oh * 2;
  return (row * d.w + 2 * q) * d.c;
}

/// Puts `value` and its x in place of the largest so far if it is larger, or NaN.
template <class T>
void keep_larger(Packet<T> value, Packet<T> x, Packet<T>& largest, Packet<T>& chosen) {
  chosen = select_equal(value, value, select_less(largest, value, x, chosen), x);
  largest = larger(largest, value);
}

}  // namespace detail

/// y = the ReLU of the largest z in each window, chosen = its x; of equals the first counts.
/// `chosen` may be null.
template <class T>
void batch_norm_pool_forward(const Pool2dDims& d, const T* x, const Accumulator<T>* mean,
                             const Accumulator<T>* scale, const Accumulator<T>* shift, T* y,
                             T* chosen) {
  const auto offsets = detail::window_offsets(d);
  const typename WideAffine<Accumulator<T>>::View normalise{mean, scale, shift};
  parallel_for(d.n * d.oh, pool_block(d.w * d.c), [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      for (Index q = 0; q < d.ow; ++q) {
        const T* const window = x + detail::window_start(d, line, q);
        const Index to = (line * d.ow + q) * d.c;
        for_each_lanes<T>(d.c, [=](const auto& lanes) {
          auto best = lanes.load_ahead(window);
          auto largest = normalise(lanes, best);
          unroll<3>([&](auto i) {
            const auto other = lanes.load_ahead(window + offsets[i + 1]);
            detail::keep_larger(normalise(lanes, other), other, largest, best);
          });
          lanes.store(y + to, relu(largest));
          if (chosen != nullptr) {
            lanes.store(chosen + to, best);
          }
        });
      }
    }
  });
}

namespace detail {

/// What dx is made with: the statistics' part of it, slope (x - mean) + offset, and how it is left.
template <class T>
struct PoolGradient {
  typename WideAffine<Accumulator<T>>::View affine;
  const Accumulator<T>*slope, *offset;
  const T* x;
  GradientSpan<T> dx;

  /// dx = scale dz less the statistics' part, of one pixel
  template <class Lanes>
  void put(const Lanes& lanes, Index at, Packet<Accumulator<T>> value,
           Packet<Accumulator<T>> dz) const {
    const auto centred = affine.centred(lanes, value);
    const auto rest = multiply_add(centred, lanes.load(slope), lanes.load(offset));
    const auto gradient = dz * lanes.load(affine.scale) - rest;
    T* const to = dx.data() + at;
    lanes.store(to, dx.accumulate ? lanes.load(to) + gradient : gradient);
  }

  /// Pixels that belong to no window.
  void put_rest(Index channels, Index begin, Index end) const {
    for (Index at = begin; at < end; at += channels) {
      for_each_lanes<T>(channels, [at, own = *this](const auto& lanes) {
        own.put(lanes, at, lanes.load(own.x + at), Packet<Accumulator<T>>::zero());
      });
    }
  }
};

}  // namespace detail

/// dx of batch_norm_backward_input, where dz is the window's dy at the first x that is the chosen
/// one, if its y is above zero, and 0 elsewhere.
template <class T>
void batch_norm_pool_backward_input(const Pool2dDims& d, const T* x, const T* chosen, const T* dy,
                                    const Accumulator<T>* mean, const Accumulator<T>* scale,
                                    const Accumulator<T>* shift, const Accumulator<T>* slope,
                                    const Accumulator<T>* offset, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const auto offsets = detail::window_offsets(d);
  const detail::PoolGradient<T> gradient{{mean, scale, shift}, slope, offset, x, dx};
  const Index row_size = d.w * d.c;
  const auto window = [=](Index from, Index at) {
    for_each_lanes<T>(d.c, [=](const auto& lanes) {
      const auto zero = Packet<Accumulator<T>>::zero();
      const auto largest = lanes.load(chosen + from);
      auto dz = relu_gradient(gradient.affine(lanes, largest), lanes.load(dy + from));
      unroll<4>([&](auto i) {
        const auto value = lanes.load_ahead(x + at + offsets[i]);
        gradient.put(lanes, at + offsets[i], value, select_equal(value, largest, dz, zero));
        dz = select_equal(value, largest, zero, dz);
      });
    });
  };
  const Index bands = (d.h + 1) / 2;  // pairs of rows, a single one at an odd end
  parallel_for(d.n * bands, pool_block(row_size), [&](Index begin, Index end) {
    for (Index band = begin; band < end; ++band) {
      const Index image = band / bands;
      const Index p = band % bands;
      const Index start = (image * d.h + 2 * p) * row_size;
      if (p == d.oh) {
        gradient.put_rest(d.c, start, start + row_size);
        continue;
      }
      for (Index q = 0; q < d.ow; ++q) {
        window(((image * d.oh + p) * d.ow + q) * d.c, start + 2 * q * d.c);
      }
      for (const Index row : {start, start + row_size}) {
        gradient.put_rest(d.c, row + 2 * d.ow * d.c, row + row_size);
      }
    }
  });
}

CNNRNN_KERNELS_END
