#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/cnn_rnn.hpp"
#include "models/resnet20.hpp"
#include "models/vgg9.hpp"
#include "program/model_file.hpp"

namespace inspect {

using cnnrnn::Index;
using cnnrnn::Tensor;
using cnnrnn::to_message;
using cnnrnn::Variable;

/// Loads the checkpoint of any of the programs that train a network of the paper. Throws FileError.
inline program::LoadedModel load_any(const std::string& path) {
  using namespace cnnrnn;
  using Make = decltype(program::Classifier::make);
  const std::map<std::string, Make> makers{
      {"cifar10_cnn_rnn",
       [](const auto& o, Random& random) { return std::make_unique<CnnRnn<float>>(o, random); }},
      {"cifar10_vgg9",
       [](const auto& o, Random& random) { return std::make_unique<Vgg9<float>>(o, random); }},
      {"cifar10_resnet20",
       [](const auto& o, Random& random) { return std::make_unique<ResNet20<float>>(o, random); }}};
  const std::string name = program::read_card("a cifar10 program", path).program;
  const auto maker = makers.find(name);
  require<FileError>(maker != makers.end(), path,
                     ": expected a model of cifar10_cnn_rnn, cifar10_vgg9 or cifar10_resnet20, "
                     "got one of ",
                     name);
  program::Classifier classifier;
  classifier.name = name;
  classifier.make = maker->second;
  return program::load_model(classifier, path);
}

/// A convolution of the network: its path, as `--layer` names it, and its weight (O, I, KH, KW).
struct Filters {
  std::string layer;
  Tensor<float> weight;
};

/// A stage of the network, the sweep behind it and the tap that reads its map, if there are.
struct Stage {
  cnnrnn::nn::Layer<float>* layer = nullptr;
  cnnrnn::nn::Layer<float>* sweep = nullptr;
  cnnrnn::nn::Layer<float>* rows = nullptr;  ///< the tap's recurrent part
};

/// The parts of a network that pictures are made of.
class Network : private cnnrnn::nn::Visitor<float> {
 public:
  explicit Network(const std::string& path) : loaded_(load_any(path)) {
    loaded_.model->visit(*this);
    for (Index k = 0; layers_.contains(to_message("stages.", k)); ++k) {
      stages_.push_back({layers_.at(to_message("stages.", k)), nullptr, nullptr});
    }
    const auto tapped = tapped_stages();
    for (std::size_t k = 0; k < tapped.size(); ++k) {
      stages_.at(tapped[k]).rows = layers_.at(to_message("taps.", k, ".rnn"));
    }
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      const auto sweep = layers_.find(to_message("sweeps.", k));
      stages_[k].sweep = sweep == layers_.end() ? nullptr : sweep->second;
    }
  }

  const program::ModelCard& card() const { return loaded_.card; }
  program::Classifier::Model& model() const { return *loaded_.model; }
  const std::vector<Filters>& filters() const { return filters_; }
  const std::vector<Stage>& stages() const { return stages_; }

  /// What goes into the first stage: the image, or what the layers in front of it make of it.
  Variable<float> stem(const Variable<float>& x) const {
    const auto stem = layers_.find("stem");
    return stem == layers_.end() ? x : (*stem->second)(x);
  }

 private:
  void module(const std::string& path, cnnrnn::nn::Module<float>& part) override {
    if (auto* const layer = dynamic_cast<cnnrnn::nn::Layer<float>*>(&part)) {
      layers_[path] = layer;
    }
    Visitor::module(path, part);
  }

  void parameter(const std::string& path, Variable<float>& value) override {
    const bool of_rnn = path.starts_with("taps.") || path.starts_with("sweeps.");
    if (!of_rnn && value.rank() == 4) {
      filters_.push_back({path.substr(0, path.rfind('.')), value.value()});
    }
  }

  /// The stages, from 0 on, that the taps read.
  std::vector<std::size_t> tapped_stages() const {
    const auto& options = loaded_.card.model;
    if (options.rnn == "none" || options.join != "tap") {
      return {};
    }
    return all_or_listed(loaded_.card.program, "taps all",
                         options.after == "default" ? options.taps : options.after, stages_.size());
  }

  program::LoadedModel loaded_;
  std::map<std::string, cnnrnn::nn::Layer<float>*> layers_;
  std::vector<Filters> filters_;
  std::vector<Stage> stages_;
};

}  // namespace inspect
