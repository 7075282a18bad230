#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>

#include "cnnrnn/core/error.hpp"

/// A regular file without a disk, for readers that want a path.
class MemoryFile {
 public:
  MemoryFile() : number_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    cnnrnn::require<cnnrnn::Error>(number_ >= 0, "fuzz: cannot make a file in memory");
  }
  ~MemoryFile() { ::close(number_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return cnnrnn::to_message("/proc/self/fd/", number_); }

  /// Replaces what is in the file.
  void fill(std::span<const std::uint8_t> bytes) {
    const bool filled =
        ::ftruncate(number_, 0) == 0 &&
        ::pwrite(number_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    cnnrnn::require<cnnrnn::Error>(filled, "fuzz: cannot write a file in memory");
  }

 private:
  int number_;
};
