#pragma once

#include <string>

#include "models/behind_stages.hpp"
#include "models/rnn_choice.hpp"
#include "models/rnn_taps.hpp"

/// The sweeps of a network: recurrent networks along the rows and the columns of a feature map that
/// add their states to the map. Their projections start at zero: the network begins as the plain
/// one. There are none unless NetworkOptions::join asks for them. They are behind the stage
/// `usual`, from 0 on, unless NetworkOptions::after names others. Throws ValueError, for the
/// network `network`, for options that name no part or no stage.
template <class T>
BehindStages<T> rnn_sweeps(const std::string& network, const NetworkOptions& options,
                           const TapMaps& maps, std::size_t usual, const cnnrnn::Random& random) {
  BehindStages<T> sweeps;
  const RnnChoice<T> rnn(network, options);
  if (!rnn.chosen() || options.join != "sweep") {
    return sweeps;
  }
  cnnrnn::Random own = apart_from(random);
  for (const std::size_t stage : joined_stages(network, options.after, maps.size(), {usual})) {
    sweeps.add(stage, cnnrnn::nn::RecurrentSweep<T>({.channels = maps[stage].channels,
                                                     .cell = rnn.cell->cell,
                                                     .peepholes = rnn.peepholes->form},
                                                    own));
  }
  return sweeps;
}
