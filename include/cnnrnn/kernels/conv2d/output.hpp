#pragma once

#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/norm/channel_moments.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"

CNNRNN_KERNELS_BEGIN

/// Where a convolution leaves its result, rows of `channels` outputs, and what becomes of that on
/// the way: of every tile before it is stored, or of every block of rows while it is still in the
/// cache. Either a bias or `accumulate`, not both.
template <class T>
struct ConvOutput {
  T* data;
  Index channels;
  bool accumulate = false;               ///< add to what is there
  const T* bias = nullptr;               ///< (channels)
  const T* residual = nullptr;           ///< as large as y: then added to it
  bool relu = false;                     ///< then y = max(y, 0); NaN stays NaN
  ChannelMoments<T>* moments = nullptr;  ///< then takes those of block after block

  /// Then only the largest of each whole window of 2 x 2 is kept, (N, OH / 2, OW / 2, channels):
  /// where conv2d_pools, without accumulate, residual and moments.
  bool pool = false;

  /// Ends block `block`, the finished rows begin ... end.
  void finish(Index block, Index begin, Index end) const {
    T* const rows = data + begin * channels;
    const Index count = (end - begin) * channels;
    if (residual != nullptr) {
      const T* const beside = residual + begin * channels;
      for_each_lanes<T>(count, [=](const auto& lanes) {
        lanes.store(rows, lanes.load(rows) + lanes.load(beside));
      });
    }
    if (relu) {
      for_each_lanes<T>(
          count, [=](const auto& lanes) { lanes.store(rows, kernels::relu(lanes.load(rows))); });
    }
    find_moments(block, begin, end);
  }

  /// The same where residual and ReLU are done.
  void find_moments(Index block, Index begin, Index end) const {
    if (moments != nullptr) {
      moments->set(block, end - begin, data + begin * channels);
    }
  }
};

CNNRNN_KERNELS_END
