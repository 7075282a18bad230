#pragma once

#if defined(_WIN32)
#include <cstdlib>
#else
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/catch.hpp"

/// So many bytes of 0, which take no memory: for what refuses to read as many.
class UntouchedBytes {
 public:
#if defined(_WIN32)
  explicit UntouchedBytes(std::size_t size) : size_(size), memory_(std::calloc(size, 1)) {
    REQUIRE(memory_ != nullptr);
  }
  ~UntouchedBytes() { std::free(memory_); }
#else
  explicit UntouchedBytes(std::size_t size)
      : size_(size),
        memory_(
            ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    REQUIRE(memory_ != MAP_FAILED);
  }
  ~UntouchedBytes() { ::munmap(memory_, size_); }
#endif
  UntouchedBytes(const UntouchedBytes&) = delete;
  UntouchedBytes& operator=(const UntouchedBytes&) = delete;

  std::span<const std::uint8_t> span() const {
    return {static_cast<const std::uint8_t*>(memory_), size_};
  }

 private:
  std::size_t size_;
  void* memory_;
};
