#pragma once

#include <cstddef>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/norm/channel_moments.hpp"
#include "cnnrnn/kernels/pointwise/activation.hpp"

// Batch normalisation over the rows of x (R, C), each channel on its own, with what may follow it.
//
//   mean, variance (C)   of a channel's R values; the variance is the biased one
//   inverse (C)          1 / sqrt(variance + epsilon)
//   z (R, C)             (x - mean) scale + shift
//   y (R, C)             z, z + residual, or an activation of either
//   dz (R, C)            the gradient of z; also that of the residual
//
// Of bfloat16 are x, y, the residual, dy and dx; all else is float then.
//
// Memory is what it costs, so every pass streams through x from front to back, and dz is found anew
// in each pass rather than stored.

CNNRNN_KERNELS_BEGIN

/// Mean and biased variance of each channel.
template <class T>
void batch_norm_statistics(const WideRows& d, const T* x, Accumulator<T>* mean,
                           Accumulator<T>* variance) {
  ChannelMoments<Accumulator<T>> moments(d.tiles(), d.channels);
  parallel_for(d.count(), d.tile,
               [&](Index begin, Index end) { moments.set(begin / d.tile, d, begin, end, x); });
  moments.combine(mean, variance);
}

/// mean, scale and shift (C) of z, repeated along a wide row.
template <class T>
class WideAffine {
 public:
  WideAffine(const WideRows& d, const T* mean, const T* scale, const T* shift)
      : mean_(repeat_channels(d, mean)),
        scale_(repeat_channels(d, scale)),
        shift_(repeat_channels(d, shift)) {}

  /// Pointers, for the bodies of loops.
  struct View {
    const T *mean, *scale, *shift;

    template <class Lanes>
    Packet<T> centred(const Lanes& lanes, Packet<T> x) const {
      return x - lanes.load(mean);
    }
    template <class Lanes>
    Packet<T> of_centred(const Lanes& lanes, Packet<T> centred) const {
      return multiply_add(centred, lanes.load(scale), lanes.load(shift));
    }
    template <class Lanes>
    Packet<T> operator()(const Lanes& lanes, Packet<T> x) const {
      return of_centred(lanes, centred(lanes, x));
    }
  };
  View view() const { return {mean_.data(), scale_.data(), shift_.data()}; }

 private:
  std::vector<T> mean_, scale_, shift_;
};

/// y = z, plus the residual unless it is null, through an activation
template <class T>
void batch_norm_forward(const WideRows& d, const T* x, const WideAffine<Accumulator<T>>& affine,
                        const T* residual, Activation activation, T* y) {
  const auto run = [&](const auto& finish) {
    const auto normalise = affine.view();
    parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
      for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index at) {
        lanes.store(y + at, finish(lanes, at, normalise(lanes, lanes.load_ahead(x + at))));
      });
    });
  };
  const auto add = [=](const auto& lanes, Index at, auto z) {
    return z + lanes.load_ahead(residual + at);
  };
  with_activation<Accumulator<T>>(activation, [&](auto function) {
    if (residual != nullptr) {
      run([=](const auto& lanes, Index at, auto z) { return function.value(add(lanes, at, z)); });
    } else {
      run([=](const auto& /*lanes*/, Index /*at*/, auto z) { return function.value(z); });
    }
  });
}

// What makes dz of dy: upstream(lanes, offset, affine, x - mean), whose affine is that of the loop,
// so that what both need of it is loaded once. It says whether that takes long.

/// dz = dy. Asking ahead for it slows down the pass that stores dx in its place.
template <class T>
struct PlainUpstream {
  static constexpr bool takes_long = false;
  const T* dy;

  template <class Lanes, class Affine>
  Packet<Accumulator<T>> operator()(const Lanes& lanes, Index at, const Affine& /*affine*/,
                                    Packet<Accumulator<T>> /*centred*/) const {
    return lanes.load(dy + at);
  }
};

/// dz = dy through an activation of z, which is computed as forward did.
template <class T, class Function>
struct ActivationUpstream {
  static constexpr bool takes_long = !Function::by_value;
  const T* dy;

  template <class Lanes, class Affine>
  Packet<Accumulator<T>> operator()(const Lanes& lanes, Index at, const Affine& affine,
                                    Packet<Accumulator<T>> centred) const {
    return Function::gradient(affine.of_centred(lanes, centred), lanes.load_ahead(dy + at));
  }
};

/// The same, stored on the way for a second pass: in the place of dy or elsewhere.
template <class T, class Function>
struct StoringUpstream {
  static constexpr bool takes_long = !Function::by_value;
  ActivationUpstream<T, Function> upstream;
  T* dz;

  template <class Lanes, class Affine>
  Packet<Accumulator<T>> operator()(const Lanes& lanes, Index at, const Affine& affine,
                                    Packet<Accumulator<T>> centred) const {
    const auto value = upstream(lanes, at, affine, centred);
    lanes.store(dz + at, value);
    return value;
  }
};

/// dz = dy through an activation of z + residual, found from y where that is enough. It is stored
/// in, or added to, `dresidual` on the way, unless that is not needed.
template <class T, class Function>
struct ResidualUpstream {
  // It reads and stores so much beside that sums in memory make it a fifth slower.
  static constexpr bool takes_long = false;
  const T* dy;
  const T* beside;  ///< y if Function::by_value, else the residual
  GradientSpan<T> dresidual;

  template <class Lanes, class Affine>
  Packet<Accumulator<T>> operator()(const Lanes& lanes, Index at, const Affine& affine,
                                    Packet<Accumulator<T>> centred) const {
    auto z = lanes.load_ahead(beside + at);
    if constexpr (!Function::by_value) {
      z = z + affine.of_centred(lanes, centred);
    }
    const auto dz = Function::gradient(z, lanes.load_ahead(dy + at));
    if (dresidual.needed()) {
      T* const to = dresidual.data() + at;
      lanes.store(to, dresidual.accumulate ? lanes.load(to) + dz : dz);
    }
    return dz;
  }
};

/// sum_dz (C) = sum of dz, which is dbeta; sum_dz_x (C) = sum of dz (x - mean) inverse: dgamma.
template <class T, class Upstream>
void batch_norm_backward_sums(const WideRows& d, const T* x,
                              const WideAffine<Accumulator<T>>& affine,
                              const Accumulator<T>* inverse, const Upstream& upstream,
                              Accumulator<T>* sum_dz, Accumulator<T>* sum_dz_x) {
  using A = Accumulator<T>;
  const Index tile_size = 2 * d.channels;
  Tensor<A> tiles({d.tiles(), tile_size});
  A* const sums_of_tiles = tiles.mutable_data();
  const auto normalise = affine.view();
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
    const ThreadScratch<A> wide(2 * d.width);
    const auto add = [=](const auto& lanes, Index at, auto& sum) {
      const auto centred = normalise.centred(lanes, lanes.load_ahead(x + at));
      const auto dz = upstream(lanes, at, normalise, centred);
      sum[0] = sum[0] + dz;
      sum[1] = multiply_add(dz, centred, sum[1]);
    };
    if constexpr (Upstream::takes_long) {
      sum_wide_rows_slowly<2>(d, begin, end, wide.data(), add);
    } else {
      sum_wide_rows<2>(d, begin, end, wide.data(), add);
    }
    A* const to = sums_of_tiles + begin / d.tile * tile_size;
    fold_channels(d, wide.data(), to);
    fold_channels(d, wide.data() + d.width, to + d.channels);
  });

  std::vector<double> totals(static_cast<std::size_t>(tile_size));
  const A* from = sums_of_tiles;
  for (Index tile = 0; tile < d.tiles(); ++tile) {
    for (double& total : totals) {
      total += static_cast<double>(*from++);
    }
  }
  for (Index c = 0; c < d.channels; ++c) {
    const double* const total = totals.data() + c;
    sum_dz[c] = static_cast<A>(total[0]);
    sum_dz_x[c] = static_cast<A>(total[d.channels]) * inverse[c];
  }
}

/// dx = scale dz - slope (x - mean) - offset. In training slope = scale inverse dgamma / R and
/// offset = scale dbeta / R, because the statistics depend on x; else both are 0. dx may be where
/// dy lies.
template <class T, class Upstream>
void batch_norm_backward_input(const WideRows& d, const T* x,
                               const WideAffine<Accumulator<T>>& affine,
                               const Accumulator<T>* slope, const Accumulator<T>* offset,
                               const Upstream& upstream, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  const auto wide_slope = repeat_channels(d, slope);
  const auto wide_offset = repeat_channels(d, offset);
  const Accumulator<T>* const b = wide_slope.data();
  const Accumulator<T>* const c = wide_offset.data();
  const auto normalise = affine.view();
  parallel_for(d.count(), d.tile, [&](Index begin, Index end) {
    for_wide_rows<T>(d, begin, end, [=](const auto& lanes, Index at) {
      const auto centred = normalise.centred(lanes, lanes.load(x + at));
      const auto through_statistics = multiply_add(centred, lanes.load(b), lanes.load(c));
      const auto dz = upstream(lanes, at, normalise, centred);
      const auto value = dz * lanes.load(normalise.scale) - through_statistics;
      T* const to = dx.data() + at;
      lanes.store(to, dx.accumulate ? lanes.load(to) + value : value);
    });
  });
}

CNNRNN_KERNELS_END
