// An IDX file packed with gzip.
#include "cnnrnn/data/gzip.hpp"

#include "cnnrnn/data/idx.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  data::parse_idx(data::read_gzip(file.path(), data::idx_most_bytes), "unpacked");
}
