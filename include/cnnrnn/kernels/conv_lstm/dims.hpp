#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv_lstm/lane_convolution.hpp"
#include "cnnrnn/kernels/conv_lstm/options.hpp"

// What both passes of a convolutional LSTM (Shi et al. 2015) share: a thread takes L sequences, one
// in each lane, through all steps. A step is one convolution of the state and the input together.
//
//   N sequences, T steps, H x W pixels, C channels, U filters, D directions (1 or 2)
//   L lanes, B blocks of L sequences; gates in the order i f g o

CNNRNN_KERNELS_BEGIN

struct ConvLstmDims {
  Index n, t, h, w, c, u, directions;
  Size2d kernel;
  ConvLstmPeepholes peepholes;
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;

  Index pixels() const { return h * w; }

  template <class T>
  Index blocks() const {
    return (n + Packet<T>::width - 1) / Packet<T>::width;
  }
  /// Elements of a state of a block.
  template <class T>
  Index state_size() const {
    return pixels() * u * Packet<T>::width;
  }

  /// A step forward, (H, W, U + C) to (H, W, 4U), and its way back, for the gradient of the states
  /// alone or of the input too.
  LaneConvolutionDims forward() const { return {h, w, kernel, u + c, 4 * u, algorithm}; }
  LaneConvolutionDims backward(bool input) const {
    return {h, w, kernel, 4 * u, input ? u + c : u, algorithm};
  }

  /// Sequences whose gates, states and inputs stay in the third cache together, in whole blocks.
  template <class T>
  Index range_sequences() const {
    constexpr Index cache = (8 << 20) / static_cast<Index>(sizeof(T));
    constexpr Index step = 8 * Packet<T>::width;
    const Index sequence = t * pixels() * (directions * 5 * u + c);
    return std::max<Index>(1, cache / (sequence * step)) * step;
  }

  /// The convolution of all steps of some sequences whose weight gradient is that of the layer: the
  /// states of all directions and the input in, the gates of all directions out.
  Conv2dDims steps(Index sequences) const {
    Conv2dDims d{sequences * t, h, w, directions * u + c, directions * 4 * u, kernel};
    d.padding = {kernel.h / 2, kernel.w / 2};
    d.algorithm = algorithm;
    return d;
  }
};

CNNRNN_KERNELS_END
