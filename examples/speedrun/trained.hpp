#pragma once

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cnnrnn/train/views.hpp"
#include "program/model_file.hpp"
#include "speedrun/network.hpp"
#include "speedrun/settings.hpp"

namespace speedrun {

/// What a saved network says about itself, as the other programs' do, and the recipe that it is of.
inline nlohmann::json make_card(const program::ModelCard& card, const Config& config) {
  nlohmann::json json = card;
  json["target"] = config.target;
  json["optimizer"] = config.optimizer;
  json["rnn"] = config.rnn;
  json["after"] = config.after;
  return json;
}

/// The network as it is tested: by the image, its mirror image, and both moved by a pixel.
template <class T>
class TestedNetwork : public nn::Layer<T> {
 public:
  TestedNetwork(const Recipe& recipe, Index classes, Random& random)
      : network_(recipe, classes, random), views_(network_, train::mirror_and_shift_views<T>()) {}

  Variable<T> operator()(const Variable<T>& x) override { return views_(x); }
  void visit(nn::Visitor<T>& visitor) override { network_.visit(visitor); }
  std::string describe() const override { return network_.describe(); }

 private:
  Network<T> network_;
  train::TestTimeAugmentation<T> views_;
};

/// What `evaluate` and `predict` make a saved network with: one of the recipe that it names. Throws
/// FileError unless it is a network of this program.
inline program::Classifier classifier_of(const std::string& path) {
  const auto metadata = io::read_safetensors(path).metadata;
  const auto entry = metadata.find("cnnrnn");
  require<FileError>(entry != metadata.end(), path,
                     ": expected a model that cifar10_speedrun saved, got a file without its "
                     "description");
  Recipe recipe{};
  try {
    nlohmann::json card = older_entries();
    card.update(nlohmann::json::parse(entry->second));
    const auto name = card.at("program").get<std::string>();
    require<FileError>(name == "cifar10_speedrun", path,
                       ": expected a model of cifar10_speedrun, got one of ", name);
    recipe = recipe_for({.target = card.at("target").get<int>(),
                         .optimizer = card.at("optimizer").get<std::string>(),
                         .rnn = card.at("rnn").get<std::string>(),
                         .after = card.at("after").get<Index>()});
  } catch (const nlohmann::json::exception& error) {
    throw FileError(path + ": expected the description of a model, got " + error.what());
  }
  program::Classifier classifier;
  classifier.name = "cifar10_speedrun";
  classifier.make = [recipe](const NetworkOptions& options, Random& random) {
    return std::make_unique<TestedNetwork<float>>(recipe, options.classes, random);
  };
  classifier.make_bfloat16 = [recipe](const NetworkOptions& options, Random& random) {
    return std::make_unique<TestedNetwork<bfloat16>>(recipe, options.classes, random);
  };
  return classifier;
}

struct ExportOptions {
  std::string checkpoint;
  std::string out;
};

/// Writes a saved network with weights in bfloat16: half the size, to hand it on.
inline int export_model(const ExportOptions& options) {
  auto loaded = program::load_model<float>(classifier_of(options.checkpoint), options.checkpoint);
  const auto metadata = io::read_safetensors(options.checkpoint).metadata;
  io::save(options.out, *loaded.model, metadata, {.bfloat16 = true});
  std::cout << "model:   " << options.out << std::endl;
  return 0;
}

}  // namespace speedrun
