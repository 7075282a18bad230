// A model's parameters, in a type that is the model's or is converted: those that fit, and then
// all.
#include "cnnrnn/io/model.hpp"

#include "fuzz/memory_file.hpp"
#include "fuzz/network.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

namespace {

void load_what_fits(const std::string& path) {
  auto model = fuzz_network();
  try {
    io::load(path, model, {.convert = true, .strict = false, .prefix = "module."});
  } catch (const FileError&) {
  }
  model(Tensor<float>::ones(Shape{2, 2}));
}

}  // namespace

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  load_what_fits(file.path());
  auto model = fuzz_network();
  io::load(file.path(), model, {.convert = true});
  model.eval();
  const NoGradGuard guard;
  model(Tensor<float>::ones(Shape{2, 2}));
  model.train();
  model(Tensor<float>::ones(Shape{2, 2}));
}
