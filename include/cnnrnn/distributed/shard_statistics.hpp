#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "cnnrnn/ops/batch_norm.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// The statistics of a batch norm over all shards, in double and in the order of the shards.
template <class T>
class ShardStatistics : public SharedStatistics<T> {
  using A = Accumulator<T>;

 public:
  /// `exchange` turns the numbers of this shard into those of all.
  using Exchange = std::function<std::vector<double>(const std::vector<double>&)>;

  /// Statistics over so many shards.
  ShardStatistics(Index shards, Exchange exchange)
      : shards_(shards), exchange_(std::move(exchange)) {}

  Index shards() const override { return shards_; }

  /// The mean of the means; the mean of the variances and of the squares of how far each mean is
  /// from that.
  BatchStatistics<T> combine(const BatchStatistics<T>& shard) override {
    const Index channels = shard.mean.size();
    const auto all = exchange(shard.mean, shard.variance);
    BatchStatistics<T> batch{Tensor<A>({channels}), Tensor<A>({channels})};
    for (Index c = 0; c < channels; ++c) {
      const double mean = mean_over_shards([&](const double* of) { return of[c]; }, all, channels);
      const double variance = mean_over_shards(
          [&](const double* of) { return of[channels + c] + (of[c] - mean) * (of[c] - mean); }, all,
          channels);
      batch.mean.mutable_data()[c] = static_cast<A>(mean);
      batch.variance.mutable_data()[c] = static_cast<A>(variance);
    }
    return batch;
  }

  BatchNormGradients<T> combine(const BatchNormGradients<T>& shard) override {
    const Index channels = shard.dgamma.size();
    const auto all = exchange(shard.dgamma, shard.dbeta);
    BatchNormGradients<T> batch{Tensor<A>({channels}), Tensor<A>({channels})};
    const auto shards = static_cast<double>(shards_);
    for (Index c = 0; c < channels; ++c) {
      batch.dgamma.mutable_data()[c] = static_cast<A>(
          shards * mean_over_shards([&](const double* of) { return of[c]; }, all, channels));
      batch.dbeta.mutable_data()[c] = static_cast<A>(
          shards *
          mean_over_shards([&](const double* of) { return of[channels + c]; }, all, channels));
    }
    return batch;
  }

 private:
  std::vector<double> exchange(const Tensor<A>& first, const Tensor<A>& second) const {
    std::vector<double> values(first.span().begin(), first.span().end());
    values.insert(values.end(), second.span().begin(), second.span().end());
    return exchange_(values);
  }

  /// The mean of value(numbers of a shard).
  template <class Value>
  double mean_over_shards(const Value& value, const std::vector<double>& all,
                          Index channels) const {
    double sum = 0;
    for (Index shard = 0; shard < shards_; ++shard) {
      sum += value(all.data() + shard * 2 * channels);
    }
    return sum / static_cast<double>(shards_);
  }

  Index shards_;
  Exchange exchange_;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
