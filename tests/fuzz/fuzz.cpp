// What libFuzzer calls. An exception that is not the documented one ends the program, and is found;
// so does an input that takes long, in time of the processor: the machine may have other work.
#include <cstddef>
#include <ctime>

#include "cnnrnn/core/allocator.hpp"
#include "cnnrnn/core/error.hpp"
#include "fuzz/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr double most_seconds = 5;  // one, at a fifth of the speed under the sanitizers
  const std::clock_t began = std::clock();
  try {
    read_stranger({data, size});
  } catch (const cnnrnn::FileError&) {
  }
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  cnnrnn::require<cnnrnn::Error>(seconds < most_seconds,
                                 "fuzz: expected a reader that takes less "
                                 "than ",
                                 most_seconds, " s, got ", seconds);
  // Memory that the library keeps would hide its overruns from AddressSanitizer.
  cnnrnn::CachingAllocator::instance().release_cached();
  return 0;
}
