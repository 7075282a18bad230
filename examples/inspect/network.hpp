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
inline program::LoadedModel<float> load_any(const std::string& path) {
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
  return program::load_model<float>(classifier, path);
}

/// A convolution of the network: its path, as `--layer` names it, and its weight (O, I, KH, KW).
struct Filters {
  std::string layer;
  Tensor<float> weight;
};

/// A stage of the network, the sweep or the control behind it and the tap or read-out that reads
/// its map, if there are.
struct Stage {
  cnnrnn::nn::Layer<float>* layer = nullptr;
  cnnrnn::nn::Layer<float>* sweep = nullptr;
  cnnrnn::nn::Layer<float>* control = nullptr;
  cnnrnn::nn::Layer<float>* rows = nullptr;  ///< the tap's recurrent part
  cnnrnn::nn::Layer<float>* readout = nullptr;

  /// The map that the next stage and the tap read.
  Variable<float> behind(const Variable<float>& map) const {
    const Variable<float> swept = sweep == nullptr ? map : (*sweep)(map);
    return control == nullptr ? swept : (*control)(swept);
  }
};

/// The parts of a network that pictures are made of.
class Network : private cnnrnn::nn::Visitor<float> {
 public:
  explicit Network(const std::string& path) : loaded_(load_any(path)) {
    loaded_.model->visit(*this);
    for (Index k = 0; layers_.contains(to_message("stages.", k)); ++k) {
      stages_.push_back({.layer = layers_.at(to_message("stages.", k))});
    }
    const auto read = read_stages();
    for (std::size_t k = 0; k < read.size(); ++k) {
      Stage& stage = stages_.at(read[k]);
      if (card().model.join == "readout") {
        stage.readout = layers_.at(to_message("taps.", k));
      } else {
        stage.rows = layers_.at(to_message("taps.", k, ".rnn"));
      }
    }
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      stages_[k].sweep = find(to_message("sweeps.", k));
      stages_[k].control = find(to_message("controls.", k));
    }
  }

  const program::ModelCard& card() const { return loaded_.card; }
  program::Classifier::Model& model() const { return *loaded_.model; }
  const std::vector<Filters>& filters() const { return filters_; }
  const std::vector<Stage>& stages() const { return stages_; }

  /// The layer at a path that there is.
  cnnrnn::nn::Layer<float>& layer(const std::string& path) const { return *layers_.at(path); }

  /// The layers in front of the first stage; null if there are none.
  cnnrnn::nn::Layer<float>* stem() const { return find("stem"); }

  /// What goes into the first stage: the image, or what the layers in front of it make of it.
  Variable<float> stem(const Variable<float>& x) const {
    return stem() == nullptr ? x : (*stem())(x);
  }

  /// The map of a stage, from 0 on, before a sweep or a control behind it: images (N, 32, 32, 3) ->
  /// (N, H, W, C).
  Variable<float> map_of(std::size_t stage, const Variable<float>& x) const {
    Variable<float> map = (*stages_[0].layer)(stem(x));
    for (std::size_t k = 0; k < stage; ++k) {
      map = (*stages_[k + 1].layer)(stages_[k].behind(map));
    }
    return map;
  }

  /// What a tap reads of a map: its sub-bands if there is a wavelet.
  Variable<float> read_by_tap(const Variable<float>& map) const {
    const auto& wavelet = card().model.wavelet;
    return wavelet == "none" ? map : dwt2d(map, {cnnrnn::wavelet_named(wavelet)});
  }

 private:
  /// The layer at a path; null if there is none.
  cnnrnn::nn::Layer<float>* find(const std::string& path) const {
    const auto layer = layers_.find(path);
    return layer == layers_.end() ? nullptr : layer->second;
  }

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

  /// The stages, from 0 on, that taps or read-outs read.
  std::vector<std::size_t> read_stages() const {
    const auto& options = loaded_.card.model;
    if (options.rnn == "none" || options.join == "sweep") {
      return {};
    }
    if (options.join == "readout") {
      return joined_stages(loaded_.card.program, options.after, stages_.size(),
                           {stages_.size() - 1});
    }
    return all_or_listed(loaded_.card.program, "taps all",
                         options.after == "default" ? options.taps : options.after, stages_.size());
  }

  program::LoadedModel<float> loaded_;
  std::map<std::string, cnnrnn::nn::Layer<float>*> layers_;
  std::vector<Filters> filters_;
  std::vector<Stage> stages_;
};

}  // namespace inspect
