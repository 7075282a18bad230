#pragma once

#include "cnnrnn/kernels/norm.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/pooling.hpp"

CNNRNN_NAMESPACE_BEGIN

/// The result of a pooling, and the statistics of its channels.
template <class T>
struct PoolingMoments {
  Variable<T> y;                  ///< the pooled images
  BatchStatistics<T> statistics;  ///< of the channels of y
};

/// max_pool2d for a batch norm behind it: takes mean and biased variance (C) of the result block by
/// block, while it is in the cache. Shapes and errors are those of max_pool2d.
template <class T>
PoolingMoments<T> max_pool2d_moments(const Variable<T>& x, const Pool2dOptions& options = {}) {
  const auto d = detail::pool2d_dims("max_pool2d", x.shape(), options);
  using A = Accumulator<T>;
  kernels::ChannelMoments<A> moments(kernels::pool_blocks(d), d.c);
  const auto y = detail::max_pool(
      "max_pool2d", x, d, d.kernel,
      [&](Index block, Index rows, const T* pixels) { moments.set(block, rows, pixels); });
  BatchStatistics<T> statistics{Tensor<A>({d.c}), Tensor<A>({d.c})};
  moments.combine(statistics.mean.mutable_data(), statistics.variance.mutable_data());
  return {y, statistics};
}

CNNRNN_NAMESPACE_END
