// An image of any known format, brought to the size of a network's input, under the limits for
// files from strangers.
#include "cnnrnn/data/image.hpp"

#include "fuzz/memory_file.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  data::read_image(file.path(), 32, 32, {.limits = data::ImageLimits::strict()});
}
