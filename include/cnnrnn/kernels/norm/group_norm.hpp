#pragma once

#include <algorithm>
#include <cmath>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/reduction/sum.hpp"

// Group normalisation of x (N, P, C): the C channels in G groups, each group of an image on its
// own. Layer normalisation is that of one group where P is 1.
//
//   mean, inverse (N, G)   of the values of a group; inverse = 1 / sqrt(variance + epsilon)
//   z (N, P, C)            (x - mean) inverse
//   y (N, P, C)            z gamma + beta

CNNRNN_KERNELS_BEGIN

struct GroupNormDims {
  Index n, p, c, groups;

  Index width() const { return c / groups; }
  Index image() const { return p * c; }
  /// Images in a block of a parallel loop.
  Index block() const { return std::max<Index>(1, (1 << 13) / std::max<Index>(1, image())); }
  Index blocks() const { return (n + block() - 1) / block(); }
};

namespace detail {

/// wide (C) = the values (G) of the groups, repeated
template <class T>
void repeat_groups(const GroupNormDims& d, const T* values, T* wide) {
  for (Index group = 0; group < d.groups; ++group) {
    std::fill_n(wide + group * d.width(), d.width(), values[group]);
  }
}

/// values (G) = scale times the sums over the channels of each group
template <class T>
void sum_groups(const GroupNormDims& d, const T* wide, T scale, T* values) {
  for (Index group = 0; group < d.groups; ++group) {
    values[group] = scale * sum_row(wide + group * d.width(), d.width());
  }
}

/// sums (C) = the sums over the rows of an image of term(lanes, offset of the row)
template <class T, class Term>
void sum_rows(const GroupNormDims& d, T* sums, const Term& term) {
  std::fill_n(sums, d.c, T(0));
  for (Index row = 0; row < d.image(); row += d.c) {
    for_each_lanes<T>(
        d.c, [=](const auto& lanes) { lanes.store(sums, lanes.load(sums) + term(lanes, row)); });
  }
}

/// gamma, or ones where there is none.
template <class T>
Tensor<Accumulator<T>> scales_or_ones(Index channels, const T* gamma) {
  auto scales = Tensor<Accumulator<T>>::ones({channels});
  if (gamma != nullptr) {
    std::copy_n(gamma, channels, scales.mutable_data());
  }
  return scales;
}

}  // namespace detail

/// y = z gamma + beta; gamma and beta (C) may be null. Leaves mean and inverse for backward.
template <class T>
void group_norm_forward(const GroupNormDims& d, const T* x, const T* gamma, const T* beta,
                        double epsilon, T* y, Accumulator<T>* mean, Accumulator<T>* inverse) {
  using A = Accumulator<T>;
  const auto scales = detail::scales_or_ones(d.c, gamma);
  auto shifts = Tensor<A>::zeros({d.c});
  if (beta != nullptr) {
    std::copy_n(beta, d.c, shifts.mutable_data());
  }
  const A* const scale = scales.data();
  const A* const shift = shifts.data();
  const A share = A(1) / static_cast<A>(d.p * d.width());
  parallel_for(d.n, d.block(), [&](Index begin, Index end) {
    const ThreadScratch<A> space(3 * d.c);
    A* const sums = space.data();
    A* const centre = sums + d.c;
    A* const factor = centre + d.c;
    for (Index image = begin; image < end; ++image) {
      const T* const from = x + image * d.image();
      T* const to = y + image * d.image();
      A* const m = mean + image * d.groups;
      A* const r = inverse + image * d.groups;
      detail::sum_rows(d, sums,
                       [=](const auto& lanes, Index row) { return lanes.load(from + row); });
      detail::sum_groups(d, sums, share, m);
      detail::repeat_groups(d, m, centre);
      detail::sum_rows(d, sums, [=](const auto& lanes, Index row) {
        const auto difference = lanes.load(from + row) - lanes.load(centre);
        return difference * difference;
      });
      detail::sum_groups(d, sums, share, r);
      std::transform(r, r + d.groups, r, [epsilon](A variance) {
        return static_cast<A>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
      });
      detail::repeat_groups(d, r, factor);
      for (Index row = 0; row < d.image(); row += d.c) {
        for_each_lanes<T>(d.c, [=](const auto& lanes) {
          const auto z = (lanes.load(from + row) - lanes.load(centre)) * lanes.load(factor);
          lanes.store(to + row, multiply_add(z, lanes.load(scale), lanes.load(shift)));
        });
      }
    }
  });
}

/// dbeta = sum of dy, dgamma = sum of dy z over images and rows, and with dz = dy gamma
/// dx = inverse (dz - mean of dz - z mean of dz z), the means being those over a group.
template <class T>
void group_norm_backward(const GroupNormDims& d, const T* x, const T* gamma,
                         const Accumulator<T>* mean, const Accumulator<T>* inverse, const T* dy,
                         GradientSpan<T> dx, GradientSpan<T> dgamma, GradientSpan<T> dbeta) {
  using A = Accumulator<T>;
  const auto scales = detail::scales_or_ones(d.c, gamma);
  const A* const scale = scales.data();
  const A share = A(1) / static_cast<A>(d.p * d.width());
  auto parts = Tensor<A>::zeros({d.blocks(), 2, d.c});
  A* const sums_of_blocks = parts.mutable_data();
  parallel_for(d.n, d.block(), [&](Index begin, Index end) {
    const ThreadScratch<A> space(6 * d.c + 2 * d.groups);
    A* const centre = space.data();
    A* const factor = centre + d.c;
    A* const sum_dy = factor + d.c;
    A* const sum_dy_z = sum_dy + d.c;
    A* const mean_dz = sum_dy_z + d.c;   // repeated along the channels
    A* const mean_dz_z = mean_dz + d.c;  // likewise
    A* const of_groups = mean_dz_z + d.c;
    A* const total = sums_of_blocks + begin / d.block() * 2 * d.c;
    for (Index image = begin; image < end; ++image) {
      const T* const from = x + image * d.image();
      const T* const upstream = dy + image * d.image();
      detail::repeat_groups(d, mean + image * d.groups, centre);
      detail::repeat_groups(d, inverse + image * d.groups, factor);
      const auto z = [=](const auto& lanes, Index row) {
        return (lanes.load(from + row) - lanes.load(centre)) * lanes.load(factor);
      };
      detail::sum_rows(d, sum_dy,
                       [=](const auto& lanes, Index row) { return lanes.load(upstream + row); });
      detail::sum_rows(d, sum_dy_z, [=](const auto& lanes, Index row) {
        return lanes.load(upstream + row) * z(lanes, row);
      });
      for_each_lanes<T>(d.c, [=](const auto& lanes) {
        lanes.store(total, lanes.load(total) + lanes.load(sum_dy));
        lanes.store(total + d.c, lanes.load(total + d.c) + lanes.load(sum_dy_z));
        lanes.store(sum_dy, lanes.load(sum_dy) * lanes.load(scale));
        lanes.store(sum_dy_z, lanes.load(sum_dy_z) * lanes.load(scale));
      });
      if (!dx.needed()) {
        continue;
      }
      detail::sum_groups(d, sum_dy, share, of_groups);
      detail::repeat_groups(d, of_groups, mean_dz);
      detail::sum_groups(d, sum_dy_z, share, of_groups);
      detail::repeat_groups(d, of_groups, mean_dz_z);
      T* const to = dx.data() + image * d.image();
      for (Index row = 0; row < d.image(); row += d.c) {
        for_each_lanes<T>(d.c, [=](const auto& lanes) {
          const auto dz = lanes.load(upstream + row) * lanes.load(scale);
          const auto value =
              lanes.load(factor) *
              (dz - multiply_add(z(lanes, row), lanes.load(mean_dz_z), lanes.load(mean_dz)));
          lanes.store(to + row, dx.accumulate ? lanes.load(to + row) + value : value);
        });
      }
    }
  });
  Tensor<A> sums({2, d.c});
  sum_forward(SumDims{1, d.blocks(), 2 * d.c}, A(1), parts.data(),
              GradientSpan<A>{sums.mutable_span()});
  for (Index c = 0; c < d.c; ++c) {
    if (dbeta.needed()) {
      dbeta.put(c, sums(0, c));
    }
    if (dgamma.needed()) {
      dgamma.put(c, sums(1, c));
    }
  }
}

CNNRNN_KERNELS_END
