#pragma once

#include "models/plain_network.hpp"

/// The CNN and the CNN-RNN of Yin, Zhang and Shao (2019), section 4, for images (N, 32, 32, 3): two
/// stages of two convolutions, a dense layer, and with an rnn a tap after each stage. Throws
/// ValueError for options it does not know.
template <class T>
class CnnRnn : public PlainNetwork<T> {
 public:
  CnnRnn(const NetworkOptions& options, cnnrnn::Random& random)
      : PlainNetwork<T>({.name = "CnnRnn",
                         .stages = {{32, 32}, {64, 64}},
                         .dense = {512},
                         .patches = {4, 4},
                         .swept = 1},
                        options, random) {}
};
