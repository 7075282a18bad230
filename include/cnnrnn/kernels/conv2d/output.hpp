#pragma once

#include <algorithm>

#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/norm/channel_moments.hpp"
#include "cnnrnn/kernels/pointwise/activation.hpp"

CNNRNN_KERNELS_BEGIN

/// Where a convolution leaves its result, rows of `channels` outputs, and what becomes of that on
/// the way: of every tile before it is stored, or of every block of rows while it is still in the
/// cache. Either a bias or `accumulate`, not both.
template <class T>
struct ConvOutput {
  T* data;
  Index channels;
  bool accumulate = false;               ///< add to what is there
  const Accumulator<T>* bias = nullptr;  ///< (channels)
  const T* residual = nullptr;           ///< as large as y: then added to it
  Activation activation = Activation::none;
  ChannelMoments<Accumulator<T>>* moments = nullptr;  ///< then takes those of block after block

  /// Then only the largest of each whole window of 2 x 2 is kept, (N, OH / 2, OW / 2, channels):
  /// where conv2d_pools, without accumulate, residual and moments, and with a ReLU at most.
  bool pool = false;

  /// Whether a tile that is stored goes through a ReLU. It is the one activation so cheap and so
  /// common that the tiles have it.
  bool rectifies() const { return activation == Activation::relu; }

  /// Whether all that becomes of a tile happens before it is stored.
  bool is_rounded_once() const { return rectifies() || activation == Activation::none; }

  /// What rows begin ... end are that nothing is added to: the bias or zeros, through the ReLU.
  void start_rows(Index begin, Index end) const {
    T* const rows = data + begin * channels;
    if (bias == nullptr) {
      std::fill_n(rows, (end - begin) * channels, T(0));
      return;
    }
    for (Index row = 0; row < end - begin; ++row) {
      T* const to = rows + row * channels;
      for_each_lanes<T>(channels, [=, *this](const auto& lanes) {
        const auto value = lanes.load(bias);
        lanes.store(to, rectifies() ? relu(value) : value);
      });
    }
  }

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
    if (rectifies()) {
      activate(begin, end);
    }
    finish_rest(block, begin, end);
  }

  /// The same where residual and ReLU are done.
  void finish_rest(Index block, Index begin, Index end) const {
    if (!rectifies() && activation != Activation::none) {
      activate(begin, end);
    }
    if (moments != nullptr) {
      moments->set(block, end - begin, data + begin * channels);
    }
  }

 private:
  void activate(Index begin, Index end) const {
    T* const rows = data + begin * channels;
    const Index count = (end - begin) * channels;
    with_activation<Accumulator<T>>(activation, [=](auto function) {
      for_each_lanes<T>(
          count, [=](const auto& lanes) { lanes.store(rows, function.value(lanes.load(rows))); });
    });
  }
};

CNNRNN_KERNELS_END
