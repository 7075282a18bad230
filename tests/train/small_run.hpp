#pragma once

#include <string>
#include <vector>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/flatten.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/optim/adam.hpp"

// A run small enough for a test, with all that has a state: batch norm, dropout, Adam, shuffling.

inline cnnrnn::data::ImageDataset small_images(cnnrnn::Index count) {
  cnnrnn::Random random(5);
  cnnrnn::data::ImageDataset dataset{.images = cnnrnn::Tensor<std::uint8_t>({count, 4, 4, 1}),
                                     .labels = cnnrnn::Tensor<cnnrnn::Index>({count}),
                                     .class_names = {"dark", "grey", "bright"},
                                     .name = "small"};
  for (cnnrnn::Index i = 0; i < count; ++i) {
    const cnnrnn::Index label = i % 3;
    dataset.labels.mutable_at(i) = label;
    for (cnnrnn::Index pixel = 0; pixel < 16; ++pixel) {
      dataset.images.mutable_data()[i * 16 + pixel] =
          static_cast<std::uint8_t>(label * 60 + random.below(100));
    }
  }
  return dataset;
}

/// 50 images in 7 batches, the last of which has 2 images.
template <class T>
cnnrnn::data::Loader<T> small_loader(cnnrnn::Index prefetch = 2) {
  return cnnrnn::data::Loader<T>(small_images(50),
                                 {.batch = 8, .shuffle = true, .seed = 3, .prefetch = prefetch});
}

template <class T>
struct SmallRun {
  explicit SmallRun(std::uint64_t seed = 1)
      : random(seed),
        model(cnnrnn::nn::Flatten<T>(), cnnrnn::nn::Linear<T>(16, 9, random),
              cnnrnn::nn::BatchNorm1d<T>(9), cnnrnn::nn::Relu<T>(),
              cnnrnn::nn::Dropout<T>(0.3, random), cnnrnn::nn::Linear<T>(9, 3, random)),
        adam(model.parameters(), {.learning_rate = 0.01}) {}

  cnnrnn::Random random;
  cnnrnn::nn::Sequential<T> model;
  cnnrnn::optim::Adam<T> adam;
};
