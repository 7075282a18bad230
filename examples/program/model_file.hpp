#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/image.hpp"
#include "cnnrnn/io/model.hpp"
#include "program/classifier.hpp"
#include "program/settings.hpp"

namespace program {

/// Height and width of the images that the networks take.
inline constexpr cnnrnn::Index image_side = 32;

/// A trained model and what it was trained for.
template <class T>
struct LoadedModel {
  ModelCard card;
  std::unique_ptr<cnnrnn::nn::Layer<T>> model;
};

/// The card as an entry of a model's file.
inline cnnrnn::io::Metadata card_metadata(const ModelCard& card) {
  return {{"cnnrnn", nlohmann::json(card).dump()}};
}

/// The card of a checkpoint that `program` saved; its names are safe to print. Throws FileError
/// when the file is none.
inline ModelCard read_card(const std::string& program, const std::string& path) {
  using namespace cnnrnn;
  const auto metadata = io::read_safetensors(path).metadata;
  const auto entry = metadata.find("cnnrnn");
  require<FileError>(entry != metadata.end(), path, ": expected a model that ", program,
                     " saved, got a file without its description");
  ModelCard card;
  try {
    auto json = nlohmann::json::parse(entry->second);
    if (json.is_object() && !json.contains("preparation")) {
      json["preparation"] =
          older_preparation(json.at("data_name").get<std::string>(),
                            json.at("class_names").get<std::vector<std::string>>());
    }
    if (json.is_object()) {
      json.emplace("ignore_orientation", false);
      json.emplace("precision", "float");
    }
    card = json.get<ModelCard>();
    card.data_name = printable(card.data_name);
    std::ranges::transform(card.class_names, card.class_names.begin(),
                           [](const std::string& name) { return printable(name); });
  } catch (const nlohmann::json::exception& error) {
    throw FileError(path + ": expected the description of a model, got " + error.what());
  }
  require<FileError>(card.model.classes > 0 && std::ssize(card.class_names) == card.model.classes &&
                         card.mean.size() == 3 && card.standard_deviation.size() == 3,
                     path,
                     ": expected a name for each class and the statistics of 3 channels, got ",
                     card.class_names.size(), " names for ", card.model.classes, " classes and ",
                     card.mean.size(), " means");
  const auto& images = card.preparation;
  require<FileError>(images.padded_height == image_side && images.padded_width == image_side &&
                         images.height > 0 && images.height <= image_side && images.width > 0 &&
                         images.width <= image_side,
                     path, ": expected images of at most 32x32 that are padded to 32x32, got ",
                     images.height, 'x', images.width, " and ", images.padded_height, 'x',
                     images.padded_width);
  return card;
}

/// How image files are read for a model: as in training, or as an option asks for.
inline cnnrnn::data::ImageOptions image_options(const ModelCard& card,
                                                cnnrnn::data::ImageOptions options) {
  options.ignore_orientation = options.ignore_orientation || card.ignore_orientation;
  return options;
}

/// Logits to be measured and shown.
template <class T>
cnnrnn::Variable<float> in_float(const cnnrnn::Variable<T>& logits) {
  return logits.value().template to<float>();
}

/// Calls body with a number of the type that --precision names, or that a checkpoint was trained
/// in.
template <class Body>
int with_precision(const Classifier& classifier, const std::string& asked,
                   const std::string& checkpoint, const Body& body) {
  const std::string name = asked.empty() ? read_card(classifier.name, checkpoint).precision : asked;
  const auto known = precision_names();
  cnnrnn::require<cnnrnn::FileError>(std::ranges::find(known, name) != known.end(), checkpoint,
                                     ": expected a precision float or bfloat16, got ", name);
  return name == "bfloat16" ? body(cnnrnn::bfloat16()) : body(float());
}

/// Builds the model that a checkpoint's card describes and loads it, in evaluation mode. Throws
/// FileError when the file is not a model of this program.
template <class T>
LoadedModel<T> load_model(const Classifier& classifier, const std::string& path) {
  using namespace cnnrnn;
  LoadedModel<T> loaded{read_card(classifier.name, path), nullptr};
  require<FileError>(loaded.card.program == classifier.name, path, ": expected a model of ",
                     classifier.name, ", got one of ", loaded.card.program);
  Random random;
  loaded.model = classifier.maker<T>()(loaded.card.model, random);
  io::load(path, *loaded.model);
  nn::drop_masters(*loaded.model);
  loaded.model->eval();
  return loaded;
}

}  // namespace program
