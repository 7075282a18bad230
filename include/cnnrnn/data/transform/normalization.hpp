#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// What normalisation subtracts and divides by, for each channel, on a scale of 0 to 1.
struct ChannelStatistics {
  std::vector<double> mean;                ///< of each channel
  std::vector<double> standard_deviation;  ///< of each channel
};

/// CIFAR-10's usual statistics: those of its 50,000 training images.
inline ChannelStatistics cifar10_statistics() {
  return {.mean = {0.4914, 0.48216, 0.44653}, .standard_deviation = {0.24703, 0.24349, 0.26159}};
}

/// ImageNet's usual statistics, which torchvision's networks were trained with.
inline ChannelStatistics imagenet_statistics() {
  return {.mean = {0.485, 0.456, 0.406}, .standard_deviation = {0.229, 0.224, 0.225}};
}

/// Mean and standard deviation of each channel over all pixels of all images. A channel that is
/// nearly the same everywhere, with a standard deviation below a quarter of a grey step, gets 1, so
/// that normalisation makes it nearly 0 and enlarges no noise. Throws ShapeError when there are no
/// images.
inline ChannelStatistics channel_statistics(const ImageDataset& dataset) {
  check_dataset(dataset);
  const auto channels = static_cast<std::size_t>(dataset.channels());
  require<ShapeError>(dataset.images.size() > 0, "channel_statistics: expected images, got ",
                      dataset.images.shape());
  // Sums of integers are exact, whatever the order.
  std::vector<std::uint64_t> sums(channels);
  std::vector<std::uint64_t> squares(channels);
  std::size_t channel = 0;
  for (const std::uint64_t value : dataset.images.span()) {
    sums[channel] += value;
    squares[channel] += value * value;
    channel = channel + 1 == channels ? 0 : channel + 1;
  }
  constexpr double least_deviation = 0.25;
  ChannelStatistics result;
  const double count = static_cast<double>(dataset.images.size()) / static_cast<double>(channels);
  for (channel = 0; channel < channels; ++channel) {
    const double mean = static_cast<double>(sums[channel]) / count;
    const double variance = static_cast<double>(squares[channel]) / count - mean * mean;
    result.mean.push_back(mean / 255);
    const bool varies = variance >= least_deviation * least_deviation;
    result.standard_deviation.push_back(varies ? std::sqrt(variance) / 255 : 1);
  }
  return result;
}

/// Turns bytes into y = (x / 255 - mean) / standard deviation, by a table for each channel. No
/// statistics mean a scale of 0 to 1.
template <class T>
class Normalizer {
  using A = Accumulator<T>;

 public:
  /// Throws ValueError when the statistics are not for this number of channels, or a standard
  /// deviation is not positive.
  Normalizer(const ChannelStatistics& statistics, Index channels) {
    const bool plain = statistics.mean.empty() && statistics.standard_deviation.empty();
    require<ValueError>(plain || (std::ssize(statistics.mean) == channels &&
                                  std::ssize(statistics.standard_deviation) == channels),
                        "normalisation: expected ", channels,
                        " means and standard deviations, got ", statistics.mean.size(), " and ",
                        statistics.standard_deviation.size());
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(channels); ++channel) {
      const A mean = plain ? A(0) : static_cast<A>(statistics.mean[channel]);
      const A deviation = plain ? A(1) : static_cast<A>(statistics.standard_deviation[channel]);
      require<ValueError>(std::isfinite(mean) && std::isfinite(deviation) && deviation > 0,
                          "normalisation: expected a finite mean and a positive standard deviation,"
                          " got ",
                          mean, " and ", deviation, " for channel ", channel);
      for (int byte = 0; byte < 256; ++byte) {
        table_.push_back(static_cast<T>((static_cast<A>(byte) / A(255) - mean) / deviation));
      }
    }
  }

  /// Writes `pixels` pixels (pixels, C) to `y`.
  void operator()(const std::uint8_t* x, Index pixels, T* y) const {
    const Index channels = std::ssize(table_) / 256;
    for (Index channel = 0; channel < channels; ++channel) {
      const T* const table = table_.data() + channel * 256;
      for (Index i = channel; i < pixels * channels; i += channels) {
        y[i] = table[x[i]];
      }
    }
  }

 private:
  std::vector<T> table_;  // (C, 256)
};

}  // namespace data
CNNRNN_NAMESPACE_END
