#pragma once

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "models/network_options.hpp"
#include "models/tap_parts.hpp"

/// The feature maps of a network, one for each stage, and how a tap reads them.
using TapMaps = std::vector<cnnrnn::nn::RnnTapOptions>;

/// The RNN taps of a network (Yin, Zhang and Shao 2019, section 2): after each stage, or after
/// those of NetworkOptions::taps, one that reads the stage's feature map patch by patch, row by
/// row. Without an rnn there are none.
template <class T>
class RnnTaps : public cnnrnn::nn::Module<T> {
  using Variable = cnnrnn::Variable<T>;

 public:
  /// Throws ValueError, for the network `network`, for options that name no part or no stage,
  /// for a wavelet, stages or peepholes without an rnn, and for a map that a wavelet cannot halve.
  RnnTaps(const std::string& network, const NetworkOptions& options, const TapMaps& maps,
          cnnrnn::Random& random)
      : description_(describe(options)) {
    const auto cells = tap_cells<T>();
    const auto wavelets = tap_wavelets<T>();
    const auto* const cell = find_part(network, "rnn", cells, options.rnn);
    const auto* const wavelet = find_part(network, "wavelet", wavelets, options.wavelet);
    const auto stages = tapped_stages(network, options.taps, maps.size());
    if (cell == nullptr) {
      cnnrnn::require<cnnrnn::ValueError>(
          wavelet == nullptr && options.taps == "all" && options.peepholes == "default", network,
          ": expected an rnn behind a wavelet, at chosen stages or with peepholes, got rnn none");
      return;
    }
    const auto& form = find_peepholes(network, *cell, options.peepholes);
    wavelet_ = wavelet == nullptr ? nullptr : wavelet->make();
    stages_ = stages;
    for (const std::size_t stage : stages) {
      const auto& map = maps[stage];
      taps_.push_back(form.make(wavelet_ ? halved(map, network, options.wavelet) : map, random));
    }
  }

  /// Appends what the tap after a stage, if there is one, makes of its map: (N, H, W, C) ->
  /// (N, features).
  void read(std::size_t stage, const Variable& map, std::vector<Variable>& features) {
    for (std::size_t k = 0; k < taps_.size(); ++k) {
      if (stages_[k] == stage) {
        features.push_back(taps_[k](wavelet_ ? (*wavelet_)(map) : map));
      }
    }
  }

  /// How many features all taps give together.
  cnnrnn::Index features() const {
    cnnrnn::Index features = 0;
    for (const auto& tap : taps_) {
      features += tap.features();
    }
    return features;
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    for (std::size_t k = 0; k < taps_.size(); ++k) {
      visitor(std::to_string(k), taps_[k]);
    }
  }

  std::string describe() const override { return description_; }

 private:
  static std::string describe(const NetworkOptions& options) {
    return "rnn " + options.rnn +
           (options.peepholes == "default" ? "" : ", peepholes " + options.peepholes) +
           (options.wavelet == "none" ? "" : ", wavelet " + options.wavelet) +
           (options.taps == "all" ? "" : ", taps " + options.taps);
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

  /// The stages, from 0 on, that `taps` names from 1 on.
  static std::vector<std::size_t> tapped_stages(const std::string& network, const std::string& taps,
                                                std::size_t count) {
    std::vector<std::size_t> stages;
    if (taps == "all") {
      for (std::size_t stage = 0; stage < count; ++stage) {
        stages.push_back(stage);
      }
      return stages;
    }
    const char* const end = taps.data() + taps.size();
    std::size_t number = 0;
    std::size_t last = 0;
    for (const char* at = taps.data(); at <= end; ++at) {
      const auto [rest, error] = std::from_chars(at, end, number);
      const bool read = error == std::errc() && (rest == end || *rest == ',');
      cnnrnn::require<cnnrnn::ValueError>(read && number > last && number <= count, network,
                                          ": expected taps all, or stages from 1 to ", count,
                                          " as in 1,2, got ", taps);
      stages.push_back(number - 1);
      last = number;
      at = rest;
    }
    return stages;
  }

  std::string description_;
  std::unique_ptr<cnnrnn::nn::Layer<T>> wavelet_;
  std::vector<std::size_t> stages_;
  std::vector<cnnrnn::nn::RnnTap<T>> taps_;
};
