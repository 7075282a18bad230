#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/data/batch.hpp"
#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

/// A number from the gamma distribution of shape a (Marsaglia and Tsang 2000).
inline double draw_gamma(double a, Random& random) {
  if (a < 1) {
    const double root = std::pow(1 - random.uniform(), 1 / a);
    return draw_gamma(a + 1, random) * root;
  }
  const double d = a - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - random.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) {
      return d * v;
    }
  }
}

/// A number from the beta distribution of shape (a, a).
inline double draw_beta(double a, Random& random) {
  const double x = draw_gamma(a, random);
  const double y = draw_gamma(a, random);
  return x + y > 0 ? x / (x + y) : 0.5;  // both are 0 for a tiny a
}

/// The targets (B, K) of a batch: its own, or 1 at each label. A row without a label is 0.
template <class T>
Tensor<T> targets_of(const Batch<T>& batch, Index classes) {
  if (batch.targets.defined()) {
    return batch.targets;
  }
  auto targets = Tensor<T>::zeros({batch.labels.size(), classes});
  for (Index row = 0; row < batch.labels.size(); ++row) {
    if (batch.labels.data()[row] != unlabelled) {
      targets.mutable_data()[row * classes + batch.labels.data()[row]] = T(1);
    }
  }
  return targets;
}

/// Calls mix(own, other) for the rows of two tensors: those of x and of x before any change, one
/// row further back; the first row gets the last one.
template <class T, class Mix>
Tensor<T> with_neighbours(const Tensor<T>& x, const Mix& mix) {
  Tensor<T> y = x.clone();
  const Index rows = x.dim(0);
  const Index size = x.size() / std::max(Index{1}, rows);
  for (Index row = 0; row < rows; ++row) {
    mix(y.mutable_data() + row * size, x.data() + (row + rows - 1) % rows * size, size);
  }
  return y;
}

template <class T>
T mixed(double share, T own, T other) {
  using A = Accumulator<T>;
  return static_cast<T>(static_cast<A>(share) * own + static_cast<A>(1 - share) * other);
}

/// Mixes the targets: `share` of the own ones, the rest of the neighbour's. The label becomes that
/// of the larger share.
template <class T>
void mix_targets(Batch<T>& batch, double share, Index classes) {
  batch.targets =
      with_neighbours(targets_of(batch, classes), [&](T* own, const T* other, Index size) {
        for (Index k = 0; k < size; ++k) {
          own[k] = mixed(share, own[k], other[k]);
        }
      });
  if (share < 0.5) {
    batch.labels =
        with_neighbours(batch.labels, [](Index* own, const Index* other, Index) { *own = *other; });
  }
}

inline void require_alpha(const char* name, double alpha) {
  require<ValueError>(alpha > 0 && std::isfinite(alpha), name, ": expected a positive alpha, got ",
                      alpha);
}

}  // namespace detail

/// Mixes each image with the one before it in the batch, x = share x + (1 - share) x', and their
/// targets likewise, with one share from the beta distribution (alpha, alpha) for all (Zhang et al.
/// 2018): torchvision's MixUp. The batch gets targets. Throws ValueError unless alpha is positive.
template <class T>
BatchTransform<T> mixup(double alpha = 1) {
  detail::require_alpha("mixup", alpha);
  return [alpha](Batch<T>& batch, const BatchContext& context) {
    const double share = detail::draw_beta(alpha, context.random);
    batch.images = detail::with_neighbours(batch.images, [&](T* own, const T* other, Index size) {
      for (Index i = 0; i < size; ++i) {
        own[i] = detail::mixed(share, own[i], other[i]);
      }
    });
    detail::mix_targets(batch, share, context.classes);
  };
}

/// Replaces a rectangle of each image by that of the one before it in the batch, and mixes their
/// targets by area. The rectangle is the same for all: it has the image's proportions, an area of 1
/// - share with a share from the beta distribution (alpha, alpha), and its middle at a random
/// pixel; what lies outside is cut off (Yun et al. 2019): torchvision's CutMix. The batch gets
/// targets. Throws ValueError unless alpha is positive.
template <class T>
BatchTransform<T> cutmix(double alpha = 1) {
  detail::require_alpha("cutmix", alpha);
  struct Range {
    Index begin, end;
    Index size() const { return end - begin; }
  };
  return [alpha](Batch<T>& batch, const BatchContext& context) {
    const double side = std::sqrt(1 - detail::draw_beta(alpha, context.random)) / 2;
    const auto range = [&](Index size) {
      const Index middle = context.random.below(size);
      const auto half = static_cast<Index>(side * static_cast<double>(size));
      return Range{std::max(Index{0}, middle - half), std::min(size, middle + half)};
    };
    const Index width = batch.images.dim(2);
    const Index channels = batch.images.dim(3);
    const Range rows = range(batch.images.dim(1));
    const Range columns = range(width);
    batch.images = detail::with_neighbours(batch.images, [&](T* own, const T* other, Index) {
      for (Index y = rows.begin; y < rows.end; ++y) {
        const Index from = (y * width + columns.begin) * channels;
        std::copy_n(other + from, columns.size() * channels, own + from);
      }
    });
    const double taken = static_cast<double>(rows.size() * columns.size()) /
                         static_cast<double>(batch.images.dim(1) * width);
    detail::mix_targets(batch, 1 - taken, context.classes);
  };
}

}  // namespace data
CNNRNN_NAMESPACE_END
