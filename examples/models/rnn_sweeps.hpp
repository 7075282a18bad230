#pragma once

#include <string>
#include <vector>

#include "models/rnn_choice.hpp"
#include "models/rnn_taps.hpp"

/// The sweeps of a network: recurrent networks along the rows and the columns of a feature map that
/// add their states to the map, so that the next stage reads them; their names are the numbers of
/// the stages, from 0 on. Their projections start at zero:
/// the network begins as the plain one. There are none unless NetworkOptions::join asks for them.
template <class T>
class RnnSweeps : public cnnrnn::nn::Module<T> {
  using Variable = cnnrnn::Variable<T>;
  using Sweep = cnnrnn::nn::RecurrentSweep<T>;

 public:
  /// Sweeps behind the stage `usual`, from 0 on, unless NetworkOptions::after names others. Throws
  /// ValueError, for the network `network`, for options that name no part or no stage.
  RnnSweeps(const std::string& network, const NetworkOptions& options, const TapMaps& maps,
            std::size_t usual, const cnnrnn::Random& random) {
    const RnnChoice<T> rnn(network, options);
    if (!rnn.chosen() || options.join != "sweep") {
      return;
    }
    cnnrnn::Random own = apart_from(random);
    stages_ = joined_stages(network, options.after, maps.size(), {usual});
    for (const std::size_t stage : stages_) {
      sweeps_.push_back(Sweep({.channels = maps[stage].channels,
                               .cell = rnn.cell->cell,
                               .peepholes = rnn.peepholes->form},
                              own));
    }
  }

  /// The map of a stage, swept if there is a sweep behind the stage: (N, H, W, C) -> the same.
  Variable operator()(std::size_t stage, const Variable& map) {
    for (std::size_t k = 0; k < sweeps_.size(); ++k) {
      if (stages_[k] == stage) {
        return sweeps_[k](map);
      }
    }
    return map;
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    for (std::size_t k = 0; k < sweeps_.size(); ++k) {
      visitor(std::to_string(stages_[k]), sweeps_[k]);
    }
  }

  std::string describe() const override { return "RnnSweeps"; }

 private:
  std::vector<std::size_t> stages_;
  std::vector<Sweep> sweeps_;
};
