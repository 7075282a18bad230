#pragma once

#include <memory>
#include <string>

#include "cnnrnn/io/model.hpp"
#include "program/classifier.hpp"
#include "program/settings.hpp"

namespace program {

/// A trained model and what it was trained for.
struct LoadedModel {
  ModelCard card;
  std::unique_ptr<Classifier::Model> model;
};

/// The card as an entry of a model's file.
inline cnnrnn::io::Metadata card_metadata(const ModelCard& card) {
  return {{"cnnrnn", nlohmann::json(card).dump()}};
}

/// Builds the model that a checkpoint's card describes and loads it, in evaluation mode. Throws
/// FileError when the file is not a model of this program.
inline LoadedModel load_model(const Classifier& classifier, const std::string& path) {
  using namespace cnnrnn;
  const auto metadata = io::read_safetensors(path).metadata;
  const auto entry = metadata.find("cnnrnn");
  require<FileError>(entry != metadata.end(), path, ": expected a model that ", classifier.name,
                     " saved, got a file without its description");
  LoadedModel loaded;
  try {
    loaded.card = nlohmann::json::parse(entry->second).get<ModelCard>();
  } catch (const nlohmann::json::exception& error) {
    throw FileError(path + ": expected the description of a model, got " + error.what());
  }
  require<FileError>(loaded.card.program == classifier.name, path, ": expected a model of ",
                     classifier.name, ", got one of ", loaded.card.program);
  const ModelCard& card = loaded.card;
  require<FileError>(card.model.classes > 0 && std::ssize(card.class_names) == card.model.classes &&
                         card.mean.size() == 3 && card.standard_deviation.size() == 3,
                     path,
                     ": expected a name for each class and the statistics of 3 channels, got ",
                     card.class_names.size(), " names for ", card.model.classes, " classes and ",
                     card.mean.size(), " means");
  Random random;
  loaded.model = classifier.make(loaded.card.model, random);
  io::load(path, *loaded.model);
  loaded.model->eval();
  return loaded;
}

}  // namespace program
