#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/wide_rows.hpp"

CNNRNN_KERNELS_BEGIN

/// Of the rows in the wide rows begin ... end: mean (C), what rounding left out of it (C), and the
/// sum of squared differences (C) from the mean with what was left out. Together they tell a mean
/// whose rounding is a part of the deviation.
template <class T, class X>
void find_moments(const WideRows& d, Index begin, Index end, const X* x, T* mean, T* correction,
                  T* squares) {
  const ThreadScratch<T> space(3 * d.width + d.channels);
  T* const sums = space.data();
  T* const centre = sums + 2 * d.width;
  T* const rest = centre + d.width;
  const auto rows = static_cast<T>(std::min(d.rows, end * d.fold) - begin * d.fold);
  sum_wide_rows<1>(d, begin, end, sums, [=](const auto& lanes, Index offset, auto& sum) {
    sum[0] = sum[0] + lanes.load(x + offset);
  });
  fold_channels(d, sums, mean);
  std::for_each(mean, mean + d.channels, [rows](T& value) { value /= rows; });

  repeat_channels(d, mean, centre);
  sum_wide_rows<2>(d, begin, end, sums, [=](const auto& lanes, Index offset, auto& sum) {
    const auto difference = lanes.load(x + offset) - lanes.load(centre);
    sum[0] = sum[0] + difference;
    sum[1] = multiply_add(difference, difference, sum[1]);
  });
  fold_channels(d, sums, rest);
  fold_channels(d, sums + d.width, squares);
  for (Index c = 0; c < d.channels; ++c) {
    correction[c] = rest[c] / rows;
    squares[c] -= rest[c] * correction[c];
  }
}

/// The mean and the variance of each channel of x (R, C) from those of blocks of its rows, found
/// wherever the rows are in a cache: by a kernel that has just written them.
///
/// Every block finds its own mean, then the squares of the differences from it, so that a large
/// mean costs no digits; the blocks are combined in order (Chan, Golub and LeVeque 1983). Blocks
/// are independent: threads may set different ones at once.
template <class T>
class ChannelMoments {
 public:
  ChannelMoments(Index blocks, Index channels)
      : channels_(channels),
        rows_of_blocks_(Tensor<Index>::zeros({blocks})),
        parts_({blocks, 3, channels}),
        rows_(rows_of_blocks_.mutable_data()),
        data_(parts_.mutable_data()) {}

  Index blocks() const { return rows_of_blocks_.size(); }

  /// Block `block` is the rows x (rows, C). A block that is never set has no rows.
  template <class X>
  void set(Index block, Index rows, const X* x) {
    const WideRows d(rows, channels_);
    set(block, d, 0, d.count(), x);
  }

  /// Block `block` is the wide rows begin ... end of x.
  template <class X>
  void set(Index block, const WideRows& d, Index begin, Index end, const X* x) {
    rows_[block] = std::min(d.rows, end * d.fold) - begin * d.fold;
    T* const mean = data_ + block * 3 * channels_;
    find_moments(d, begin, end, x, mean, mean + channels_, mean + 2 * channels_);
  }

  /// mean (C) and biased variance (C) of all rows
  void combine(T* mean, T* variance) const {
    const auto channels = static_cast<std::size_t>(channels_);
    std::vector<double> means(channels);
    std::vector<double> squares(channels);
    double before = 0;
    for (Index block = 0; block < blocks(); ++block) {
      const auto rows = static_cast<double>(rows_[block]);
      if (rows == 0) {
        continue;
      }
      const double share = rows / (before + rows);
      const double weight = before * share;
      const T* const part = data_ + block * 3 * channels_;
      for (std::size_t c = 0; c < channels; ++c) {
        const double mean_of_block =
            static_cast<double>(part[c]) + static_cast<double>(part[channels + c]);
        const double difference = mean_of_block - means[c];
        means[c] += difference * share;
        squares[c] +=
            static_cast<double>(part[2 * channels + c]) + difference * difference * weight;
      }
      before += rows;
    }
    for (std::size_t c = 0; c < channels; ++c) {
      mean[c] = static_cast<T>(means[c]);
      variance[c] = static_cast<T>(squares[c] / before);
    }
  }

 private:
  Index channels_;
  Tensor<Index> rows_of_blocks_;
  Tensor<T> parts_;  // (blocks, mean, correction and squares, C)
  Index* rows_;
  T* data_;
};

CNNRNN_KERNELS_END
