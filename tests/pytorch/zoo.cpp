// The library's side of zoo_test.py: reads a state dict that PyTorch saved into a network of the
// zoo, every name and shape of it, and writes down what the network makes of images.
//
//   zoo infer NETWORK MODEL IMAGES RESULT   float: the output, with layers fused and one by one
//   zoo train NETWORK MODEL IMAGES RESULT   double: the output in training without dropout, the
//                                           gradients when its own is `upstream` of IMAGES, and the
//                                           state afterwards
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cnnrnn/io/model.hpp"
#include "models/zoo/by_name.hpp"
#include "models/zoo/unet.hpp"

using namespace cnnrnn;

namespace {

/// The network of a name, for ten classes.
template <class T>
std::unique_ptr<nn::Layer<T>> make_network(const std::string& name) {
  Random random(1);
  if (name.starts_with("unet")) {
    const UNetOptions options{.classes = 10, .bilinear = name == "unet_bilinear"};
    return std::make_unique<UNet<T>>(options, random);
  }
  const auto classifier = zoo_classifier<T>(name);
  return classifier.make({.classes = 10, .channels = classifier.options.channels}, random);
}

template <class T>
Variable<T> take(const std::string& path, const std::string& name) {
  return Variable<T>(std::get<Tensor<T>>(io::read_safetensors(path).tensors.at(name)));
}

void run_inference(const std::string& name, const std::string& path, const std::string& images,
                   const std::string& result) {
  const auto model = make_network<float>(name);
  io::load(path, *model);
  model->eval();
  const NoGradGuard no_grad;
  const auto x = take<float>(images, "images");
  const auto fused = (*model)(x).value();
  const nn::NoFusionGuard no_fusion;
  io::write_safetensors(
      result, {.tensors = {{"fused", fused}, {"plain", (*model)(x).value()}}, .metadata = {}});
}

void run_training_step(const std::string& name, const std::string& path, const std::string& images,
                       const std::string& result_path) {
  const auto model = make_network<double>(name);
  io::load(path, *model);
  for (auto* part : model->modules()) {
    if (dynamic_cast<nn::Dropout<double>*>(part) != nullptr) {
      part->eval();
    }
  }
  const auto y = (*model)(take<double>(images, "images"));
  y.backward(take<double>(images, "upstream").value());
  io::SafetensorsFile result{.tensors = {{"output", y.value()}}, .metadata = {}};
  for (const auto& [parameter_path, parameter] : model->named_parameters()) {
    result.tensors.emplace("gradient/" + parameter_path, parameter.grad());
  }
  io::detail::put_state(result, "model/", nn::state_dict(*model));
  io::write_safetensors(result_path, result);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 5 || (arguments[0] != "infer" && arguments[0] != "train")) {
    std::cerr << "usage: zoo infer|train NETWORK MODEL IMAGES RESULT\n";
    return 2;
  }
  const auto run = arguments[0] == "infer" ? run_inference : run_training_step;
  run(arguments[1], arguments[2], arguments[3], arguments[4]);
  return 0;
}
