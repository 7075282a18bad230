// A safetensors file of anything.
#include "cnnrnn/io/safetensors.hpp"

#include "fuzz/memory_file.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  const auto contents = io::read_safetensors(file.path());
  for (const auto& entry : contents.tensors) {
    std::visit(
        [&]<class T>(const Tensor<T>& tensor) {
          require<Error>(tensor.size() * static_cast<Index>(sizeof(T)) <= std::ssize(bytes),
                         entry.first, ": a tensor larger than its file");
        },
        entry.second);
  }
}
