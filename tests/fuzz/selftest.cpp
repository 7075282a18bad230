// A reader that does what its file says, each time wrong: replay must notice.
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "fuzz/reader.hpp"
#include "support/sanitizers.hpp"

namespace {

std::vector<char> keep;

void read_past_end(std::size_t size) {
  const std::vector<std::uint8_t> memory(size);
  const volatile std::uint8_t* const bytes = memory.data();
  static_cast<void>(bytes[size]);
}

}  // namespace

void read_stranger(std::span<const std::uint8_t> bytes) {
  switch (bytes.front()) {
    case 'f':
      throw cnnrnn::FileError("refused");
    case 'x':
      throw std::runtime_error("not the documented exception");
    case 'e':
      std::exit(0);
    case 'a':
      std::abort();
    case 'h':
      if (!address_sanitized) {
        std::abort();
      }
      read_past_end(bytes.size());
      break;
    case 'l':
      for (volatile bool forever = true; forever;) {
      }
      break;
    case 'm':
      if (sanitized) {
        std::abort();
      }
      std::vector<char>(256U << 20U).swap(keep);
      break;
    default:
      break;
  }
}
