#pragma once

#include <memory>
#include <string>
#include <variant>

#include "cnnrnn/io/model.hpp"
#include "models/zoo/by_name.hpp"

namespace classify {

template <class T>
struct LoadedNetwork {
  std::unique_ptr<cnnrnn::nn::Layer<T>> model;
  ClassifierOptions options;
};

namespace detail {

/// Dimension `axis` of a weight, or `usual` if the file has no such thing: then loading says what
/// differs.
inline cnnrnn::Index dimension(const cnnrnn::io::SafetensorsFile& file, const std::string& name,
                               cnnrnn::Index axis, cnnrnn::Index usual) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) {
    return usual;
  }
  const auto shape = std::visit([](const auto& tensor) { return tensor.shape(); }, found->second);
  return axis < shape.rank() && shape[axis] > 0 ? shape[axis] : usual;
}

}  // namespace detail

/// Builds a network for the classes and channels that its weights are for and loads them, in
/// evaluation mode. Throws FileError when they are not the network's, and ValueError for images
/// that are neither grey nor in colour.
template <class T>
LoadedNetwork<T> load(const ZooClassifier<T>& network, const std::string& path) {
  using namespace cnnrnn;
  ClassifierOptions options = network.options;
  {
    const auto file = io::read_safetensors(path);
    options.classes = detail::dimension(file, network.last + ".weight", 0, options.classes);
    options.channels = detail::dimension(file, network.first + ".weight", 1, options.channels);
  }
  require<ValueError>(options.channels == 1 || options.channels == 3, path,
                      ": expected weights for images of 1 or 3 channels, got ", options.channels);
  Random random;
  LoadedNetwork<T> loaded{network.make(options, random), options};
  io::load(path, *loaded.model);
  nn::drop_masters(*loaded.model);
  loaded.model->eval();
  return loaded;
}

}  // namespace classify
