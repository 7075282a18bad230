// A model's parameters, in a type that is the model's or is converted.
#include "cnnrnn/io/model.hpp"

#include "fuzz/memory_file.hpp"
#include "fuzz/network.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  auto model = fuzz_network();
  io::load(file.path(), model, {.convert = true});
  model.eval();
  const NoGradGuard guard;
  model(Tensor<float>::ones(Shape{2, 2}));
  model.train();
  model(Tensor<float>::ones(Shape{2, 2}));
}
