#pragma once

#include "models/plain_network.hpp"

/// VGGNet-9 and VGGNet-9 with RNN taps of Yin, Zhang and Shao (2019), section 5, for images
/// (N, 32, 32, 3): the network of Simonyan and Zisserman (2015), less two of its five poolings with
/// their stages. Throws ValueError for options it does not know.
template <class T>
class Vgg9 : public PlainNetwork<T> {
 public:
  Vgg9(const NetworkOptions& options, cnnrnn::Random& random)
      : PlainNetwork<T>({.name = "Vgg9",
                         .stages = {{64, 64}, {128, 128}, {256, 256}},
                         .dense = {512, 512},
                         .patches = {4, 4, 2},
                         .swept = 1},
                        options, random) {}
};
