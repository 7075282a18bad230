// A checkpoint from which a run goes on: model, optimizer, random states, history.
#include "cnnrnn/ops/sum.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "cnnrnn/train/checkpoints.hpp"
#include "fuzz/linked_folder.hpp"
#include "fuzz/network.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static LinkedFolder folder{"resume.safetensors"};
  folder.fill(bytes);
  auto model = fuzz_network();
  optim::Adam<float> adam(model.parameters());
  train::Checkpoints<float> checkpoints(model, adam, {.folder = folder.path()});
  const train::TrainingState state = checkpoints.resume();
  train::to_csv(state.history);
  sum(model(Tensor<float>::ones(Shape{2, 2}))).backward();
  adam.step();
}
