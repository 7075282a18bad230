#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "models/network_options.hpp"

inline void to_json(nlohmann::json& json, const NetworkOptions& options) {
  json = {{"rnn", options.rnn},
          {"peepholes", options.peepholes},
          {"wavelet", options.wavelet},
          {"taps", options.taps},
          {"classes", options.classes}};
}

/// Files from before peepholes were a choice do not name them.
inline void from_json(const nlohmann::json& json, NetworkOptions& options) {
  json.at("rnn").get_to(options.rnn);
  options.peepholes = json.value("peepholes", "default");
  json.at("wavelet").get_to(options.wavelet);
  json.at("taps").get_to(options.taps);
  json.at("classes").get_to(options.classes);
}

namespace program {

/// Everything that decides what a training run computes; config.json holds it.
struct RunConfig {
  std::string program;
  std::string data = "auto";
  NetworkOptions model;
  cnnrnn::Index epochs = 10;
  double stop_at_train_accuracy = 0;  ///< ends the run before its last epoch; 0: never
  cnnrnn::Index batch = 128;
  double learning_rate = 1e-3;
  std::string schedule = "constant";
  double rnn_l2 = 1e-4;
  double clip_norm = 0;
  bool augment = false;
  std::uint64_t seed = 0;
  cnnrnn::Index holdout = 0;  ///< training images that take the place of the test images
  cnnrnn::Index limit = 0;    ///< images of each part; 0: all
  bool ignore_orientation = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunConfig, program, data, model, epochs, stop_at_train_accuracy,
                                   batch, learning_rate, schedule, rnn_l2, clip_norm, augment, seed,
                                   holdout, limit, ignore_orientation)

/// What a trained model must carry to be used on images again.
struct ModelCard {
  std::string program;
  NetworkOptions model;
  std::string data_name;
  std::vector<std::string> class_names;
  std::vector<double> mean;
  std::vector<double> standard_deviation;

  cnnrnn::data::ChannelStatistics statistics() const { return {mean, standard_deviation}; }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModelCard, program, model, data_name, class_names, mean,
                                   standard_deviation)

/// The names of the entries in which two configurations differ, but for `ignored`.
inline std::vector<std::string> differences(const RunConfig& a, const RunConfig& b,
                                            const std::set<std::string>& ignored) {
  const nlohmann::json left = a;
  const nlohmann::json right = b;
  std::vector<std::string> names;
  for (const auto& [name, value] : left.items()) {
    if (!ignored.contains(name) && value != right.at(name)) {
      names.push_back(name + ": " + value.dump() + " then, " + right.at(name).dump() + " now");
    }
  }
  return names;
}

}  // namespace program
