// The library's side of parity_test.py: trains a network of the paper and writes down all of it.
//
//   parity new NETWORK MODEL                           a new model
//   parity train float|double NETWORK MODEL BATCHES RESULT
//       trains MODEL for a step with each batch: BATCHES holds images (S, N, 32, 32, 3) and labels
//       (S, N), RESULT the gradients of the first step, every loss, the model's state after the
//       last one, and Adam's.
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "cnnrnn/io/model.hpp"
#include "models/by_name.hpp"
#include "program/parameter_groups.hpp"

using namespace cnnrnn;

namespace {

constexpr double rnn_l2 = 1e-4;  // the programs' default

/// Entry `step` of the first axis.
template <class T>
Tensor<T> entry(const Tensor<T>& all, Index step) {
  const Shape shape(all.shape().dims().subspan(1));
  const auto size = static_cast<std::size_t>(shape.size());
  return {shape, all.span().subspan(static_cast<std::size_t>(step) * size, size)};
}

template <class T>
void put_gradients(io::SafetensorsFile& result, nn::Module<T>& model) {
  for (const auto& [path, parameter] : model.named_parameters()) {
    result.tensors.emplace("gradient/" + path, parameter.grad().clone());
  }
}

template <class T>
void put_states(io::SafetensorsFile& result, nn::Module<T>& model,
                const optim::Optimizer<T>& optimizer) {
  io::detail::put_state(result, "model/", nn::state_dict(model));
  const auto state = optimizer.state();
  for (const auto& [name, tensor] : state.tensors) {
    result.tensors.emplace("optimizer/" + name, tensor);
  }
  for (const auto& [name, steps] : state.steps) {
    result.tensors.emplace("optimizer/" + name, Tensor<Index>::scalar(steps));
  }
}

template <class T>
void run_training(const std::string& network, const std::string& path, const std::string& batches,
                  const std::string& result_path) {
  Random random;
  const auto model = make_network<T>(network, random);
  io::load(path, *model);
  optim::Adam<T> optimizer(program::parameter_groups(*model, rnn_l2), {.learning_rate = 1e-4});
  const auto file = io::read_safetensors(batches).tensors;
  const auto images = std::get<Tensor<T>>(file.at("images"));
  const auto labels = std::get<Tensor<Index>>(file.at("labels"));

  io::SafetensorsFile result;
  Tensor<T> losses({images.dim(0)});
  for (Index step = 0; step < losses.size(); ++step) {
    const auto loss =
        cross_entropy((*model)(Variable<T>(entry(images, step))), entry(labels, step));
    optimizer.zero_grad();
    loss.backward();
    if (step == 0) {
      put_gradients(result, *model);
    }
    optimizer.step();
    losses.mutable_at(step) = loss.item();
  }
  result.tensors.emplace("losses", losses);
  put_states(result, *model, optimizer);
  io::write_safetensors(result_path, result);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == "new") {
    Random random(7);
    io::save(arguments[2], *make_network<float>(arguments[1], random));
    return 0;
  }
  if (arguments.size() != 6 || arguments[0] != "train") {
    std::cerr << "usage: parity new NETWORK MODEL\n"
                 "       parity train float|double NETWORK MODEL BATCHES RESULT\n";
    return 2;
  }
  const auto run = arguments[1] == "double" ? run_training<double> : run_training<float>;
  run(arguments[2], arguments[3], arguments[4], arguments[5]);
  return 0;
}
