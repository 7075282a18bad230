// The library's side of speedrun_test.py: speedrun TARGET OPTIMIZER BATCHES START RESULT
//
// Trains a step of the recipe with each batch of BATCHES, images (S, N, 32, 32, 3) and labels
// (S, N), of which the first is whitened. START gets the model before, RESULT the losses, summed
// over a batch, and the model after.
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "cnnrnn/io/model.hpp"
#include "speedrun/learning.hpp"

using namespace cnnrnn;

namespace {

/// Entry `step` of the first axis.
template <class T>
Tensor<T> entry(const Tensor<T>& all, Index step) {
  const Shape shape(all.shape().dims().subspan(1));
  const auto size = static_cast<std::size_t>(shape.size());
  return {shape, all.span().subspan(static_cast<std::size_t>(step) * size, size)};
}

void run_steps(const speedrun::Recipe& recipe, const std::vector<std::string>& files) {
  const auto batches = io::read_safetensors(files[0]).tensors;
  const auto images = std::get<Tensor<float>>(batches.at("images"));
  const auto labels = std::get<Tensor<Index>>(batches.at("labels"));
  const Index steps = images.dim(0);
  Random random(7);
  speedrun::Network<float> network(recipe, 10, random);
  speedrun::whiten(network, entry(images, 0));
  io::save(files[1], network);
  const auto optimizer = speedrun::optimizer_for(network, recipe, steps, steps / 2);
  optim::Lookahead<float> slow(network);
  Tensor<float> losses({steps});
  for (Index step = 0; step < steps; ++step) {
    network.set_requires_grad(step < steps / 2, "whiten.bias");
    const auto loss =
        cross_entropy(network(entry(images, step)), entry(labels, step),
                      {.label_smoothing = speedrun::label_smoothing, .reduction = Reduction::sum});
    optimizer->zero_grad();
    loss.backward();
    if (recipe.muon) {
      speedrun::normalise_convolutions(network);
    }
    optimizer->step();
    if (recipe.lookahead) {
      speedrun::look_ahead(slow, step + 1, steps);
    }
    losses.mutable_at(step) = loss.item();
  }
  io::SafetensorsFile result;
  io::detail::put_state(result, "model/", nn::state_dict(network));
  result.tensors.emplace("losses", losses);
  io::write_safetensors(files[2], result);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 5) {
    std::cerr << "usage: speedrun TARGET OPTIMIZER BATCHES START RESULT\n";
    return 2;
  }
  run_steps(speedrun::recipe_for(std::stoi(arguments[0]), arguments[1]),
            {arguments.begin() + 2, arguments.end()});
  return 0;
}
