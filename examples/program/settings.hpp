#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "cnnrnn/data/mnist.hpp"
#include "models/network_options.hpp"

/// {"resize": [28, 28], "pad": [32, 32], "grey": true}
template <>
struct nlohmann::adl_serializer<cnnrnn::data::Preparation> {
  using Size = std::array<cnnrnn::Index, 2>;

  static void to_json(json& json, const cnnrnn::data::Preparation& preparation) {
    json = {{"resize", Size{preparation.height, preparation.width}},
            {"pad", Size{preparation.padded_height, preparation.padded_width}},
            {"grey", preparation.grey}};
  }
  static void from_json(const json& json, cnnrnn::data::Preparation& preparation) {
    const auto resize = json.at("resize").get<Size>();
    const auto pad = json.at("pad").get<Size>();
    preparation = {resize[0], resize[1], pad[0], pad[1], json.at("grey").get<bool>()};
  }
};

inline void to_json(nlohmann::json& json, const NetworkOptions& options) {
  json = {{"rnn", options.rnn},         {"join", options.join},
          {"after", options.after},     {"peepholes", options.peepholes},
          {"wavelet", options.wavelet}, {"taps", options.taps},
          {"control", options.control}, {"dropout", options.dropout},
          {"classes", options.classes}};
}

/// Files from before peepholes, joins, controls and dropout were a choice do not name them.
inline void from_json(const nlohmann::json& json, NetworkOptions& options) {
  json.at("rnn").get_to(options.rnn);
  options.join = json.value("join", "tap");
  options.after = json.value("after", "default");
  options.peepholes = json.value("peepholes", "default");
  json.at("wavelet").get_to(options.wavelet);
  json.at("taps").get_to(options.taps);
  options.control = json.value("control", "none");
  options.dropout = json.value("dropout", 0.0);
  json.at("classes").get_to(options.classes);
}

namespace program {

/// Everything that decides what a training run computes; config.json holds it.
struct RunConfig {
  std::string program;
  std::string data = "auto";
  std::string data_kind = "auto";
  bool skip_unreadable = false;
  NetworkOptions model;
  cnnrnn::Index epochs = 10;
  double stop_at_train_accuracy = 0;  ///< ends the run before its last epoch; 0: never
  cnnrnn::Index batch = 128;
  cnnrnn::Index shards = 1;         ///< of a batch, which processes share
  bool sync_batch_norm = false;     ///< over all shards
  std::string gradients = "float";  ///< how they travel between processes
  std::string precision = "float";  ///< of parameters, activations and gradients
  std::string recipe = "paper";     ///< what the entries below began with
  std::string optimizer = "adam";
  double learning_rate = 1e-3;
  double momentum = 0.9;  ///< of sgd
  double weight_decay = 0;
  std::string schedule = "constant";
  double label_smoothing = 0;
  double rnn_l2 = 1e-4;
  double clip_norm = 0;
  bool augment = false;
  std::uint64_t seed = 0;
  cnnrnn::Index holdout = 0;  ///< training images that take the place of the test images
  cnnrnn::Index limit = 0;    ///< images of each part; 0: all
  bool ignore_orientation = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunConfig, program, data, data_kind, skip_unreadable, model,
                                   epochs, stop_at_train_accuracy, batch, shards, sync_batch_norm,
                                   gradients, precision, recipe, optimizer, learning_rate, momentum,
                                   weight_decay, schedule, label_smoothing, rnn_l2, clip_norm,
                                   augment, seed, holdout, limit, ignore_orientation)

/// The entries that were not a choice once, with the values they had: older files lack them.
inline nlohmann::json older_entries() {
  return {{"data_kind", "auto"},      {"skip_unreadable", false}, {"ignore_orientation", false},
          {"recipe", "paper"},        {"optimizer", "adam"},      {"momentum", 0.9},
          {"weight_decay", 0.0},      {"label_smoothing", 0.0},   {"shards", 1},
          {"sync_batch_norm", false}, {"gradients", "float"},     {"precision", "float"}};
}

/// The entries of a network's options that were not a choice once.
inline nlohmann::json older_model_entries() {
  return {{"peepholes", "default"},
          {"join", "tap"},
          {"after", "default"},
          {"control", "none"},
          {"dropout", 0.0}};
}

/// What a trained model must carry to be used on images again.
struct ModelCard {
  std::string program;
  NetworkOptions model;
  std::string data_name;
  std::vector<std::string> class_names;
  cnnrnn::data::Preparation preparation;
  std::vector<double> mean;
  std::vector<double> standard_deviation;
  bool ignore_orientation = false;  ///< of image files, as in training
  std::string precision = "float";  ///< that it was trained in

  cnnrnn::data::ChannelStatistics statistics() const { return {mean, standard_deviation}; }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModelCard, program, model, data_name, class_names, preparation,
                                   mean, standard_deviation, ignore_orientation, precision)

/// A card from before it said how images are prepared: MNIST's and Fashion-MNIST's were padded. A
/// folder of other images may have such a name, but not such classes.
inline cnnrnn::data::Preparation older_preparation(const std::string& data_name,
                                                   const std::vector<std::string>& class_names) {
  using namespace cnnrnn::data;
  const bool padded = (data_name == "MNIST" && class_names == mnist_class_names()) ||
                      (data_name == "Fashion-MNIST" && class_names == fashion_mnist_class_names());
  return padded ? cnnrnn::data::Preparation{.height = 28, .width = 28, .grey = true}
                : cnnrnn::data::Preparation{};
}

/// The entries in which two JSON objects differ, as in "batch: 16 then, 8 now", but for `ignored`;
/// those of an object in an object one by one. The words may be others.
inline std::vector<std::string> differences(const nlohmann::json& then, const nlohmann::json& now,
                                            const std::set<std::string>& ignored,
                                            const std::string& before = "then",
                                            const std::string& after = "now") {
  const auto shown = [](const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  std::vector<std::string> found;
  for (const auto& [name, value] : then.items()) {
    const auto& other = now.at(name);
    if (value.is_object()) {
      const auto inside = differences(value, other, ignored, before, after);
      found.insert(found.end(), inside.begin(), inside.end());
    } else if (!ignored.contains(name) && value != other) {
      found.push_back(name + ": " + shown(value) + ' ' + before + ", " + shown(other) + ' ' +
                      after);
    }
  }
  return found;
}

}  // namespace program
