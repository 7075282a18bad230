#pragma once

#include "cnnrnn/core/shape.hpp"

/// What the networks for ImageNet are asked for.
struct ClassifierOptions {
  cnnrnn::Index classes = 1000;
  cnnrnn::Index channels = 3;  ///< of the images: 1 for grey ones
};
