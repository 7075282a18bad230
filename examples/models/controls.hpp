#pragma once

#include <string>

#include "models/behind_stages.hpp"
#include "models/rnn_choice.hpp"
#include "models/rnn_taps.hpp"

/// The convolutions that NetworkOptions::control asks for, behind the stage `usual`, from 0 on,
/// unless NetworkOptions::after names others. Throws ValueError, for the network `network`, for
/// options that name no stage.
template <class T>
BehindStages<T> control_convolutions(const std::string& network, const NetworkOptions& options,
                                     const TapMaps& maps, std::size_t usual,
                                     const cnnrnn::Random& random) {
  using namespace cnnrnn::nn;
  BehindStages<T> convolutions;
  if (options.control != "convolution") {
    return convolutions;
  }
  cnnrnn::Random own = apart_from(random);
  for (const std::size_t stage : joined_stages(network, options.after, maps.size(), {usual})) {
    const cnnrnn::Index channels = maps[stage].channels;
    convolutions.add(
        stage, Sequential<T>(
                   Conv2d<T>(channels, channels, {.kernel = 3, .padding = 1, .bias = false}, own),
                   BatchNorm2d<T>(channels), Relu<T>()));
  }
  return convolutions;
}
