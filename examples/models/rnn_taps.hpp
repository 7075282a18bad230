#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/rnn_choice.hpp"

/// The feature maps of a network, one for each stage, and how a tap reads them.
using TapMaps = std::vector<cnnrnn::nn::RnnTapOptions>;

/// The branches that read the feature maps of a network for its last dense layer: taps (Yin, Zhang
/// and Shao 2019, section 2), which read patches row by row, after each stage; or a read-out of the
/// last map. NetworkOptions::after names other stages. Without an rnn there are none.
template <class T>
class RnnTaps : public cnnrnn::nn::Module<T> {
  using Variable = cnnrnn::Variable<T>;
  using Random = cnnrnn::Random;

 public:
  /// Throws ValueError, for the network `network`, for options that name no part or no stage, and
  /// for a map that a wavelet cannot halve.
  RnnTaps(const std::string& network, const NetworkOptions& options, const TapMaps& maps,
          Random& random)
      : description_(::describe(options)) {
    const RnnChoice<T> rnn(network, options);
    if (!rnn.chosen() || options.join == "sweep") {
      return;
    }
    if (options.join == "readout") {
      Random own = apart_from(random);
      for (const std::size_t stage :
           joined_stages(network, options.after, maps.size(), {maps.size() - 1})) {
        add(stage, cnnrnn::nn::RecurrentReadout<T>(readout(maps[stage], rnn), own));
      }
      return;
    }
    wavelet_ = rnn.wavelet == nullptr ? nullptr : rnn.wavelet->make();
    for (const std::size_t stage : tapped_stages(network, options, maps.size())) {
      const auto& map = maps[stage];
      add(stage,
          rnn.peepholes->make(wavelet_ ? halved(map, network, options.wavelet) : map, random));
    }
  }

  /// Appends what the branch behind a stage, if there is one, makes of its map: (N, H, W, C) ->
  /// (N, features).
  void read(std::size_t stage, const Variable& map, std::vector<Variable>& features) {
    for (std::size_t k = 0; k < branches_.size(); ++k) {
      if (stages_[k] == stage) {
        features.push_back((*branches_[k])(wavelet_ ? (*wavelet_)(map) : map));
      }
    }
  }

  /// How many features all branches give together.
  cnnrnn::Index features() const { return features_; }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    for (std::size_t k = 0; k < branches_.size(); ++k) {
      visitor(std::to_string(k), branches_[k]);
    }
  }

  std::string describe() const override { return description_; }

 private:
  template <class Branch>
  void add(std::size_t stage, Branch branch) {
    stages_.push_back(stage);
    features_ += branch.features();
    branches_.push_back(std::make_unique<Branch>(std::move(branch)));
  }

  static cnnrnn::nn::RecurrentReadoutOptions readout(const cnnrnn::nn::RnnTapOptions& map,
                                                     const RnnChoice<T>& rnn) {
    return {.channels = map.channels,
            .height = map.height,
            .width = map.width,
            .units = 64,
            .cell = rnn.cell->cell,
            .peepholes = rnn.peepholes->form};
  }

  /// The stages of the taps, which may be named by either option.
  static std::vector<std::size_t> tapped_stages(const std::string& network,
                                                const NetworkOptions& options, std::size_t count) {
    cnnrnn::require<cnnrnn::ValueError>(options.after == "default" || options.taps == "all",
                                        network,
                                        ": expected the stages of the taps once, got after ",
                                        options.after, " and taps ", options.taps);
    return options.after == "default"
               ? all_or_listed(network, "taps all", options.taps, count)
               : all_or_listed(network, "after default, all", options.after, count);
  }

  /// What a one-level wavelet transform makes of a map: four sub-bands of half the size.
  static cnnrnn::nn::RnnTapOptions halved(cnnrnn::nn::RnnTapOptions map, const std::string& network,
                                          const std::string& wavelet) {
    cnnrnn::require<cnnrnn::ValueError>(map.height % 2 == 0 && map.width % 2 == 0, network,
                                        ": expected maps of even size before wavelet ", wavelet,
                                        ", got ", map.height, 'x', map.width);
    map.channels *= 4;
    map.height /= 2;
    map.width /= 2;
    return map;
  }

  std::string description_;
  std::unique_ptr<cnnrnn::nn::Layer<T>> wavelet_;
  std::vector<std::size_t> stages_;
  std::vector<std::unique_ptr<cnnrnn::nn::Layer<T>>> branches_;
  cnnrnn::Index features_ = 0;
};
