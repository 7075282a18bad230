#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What the caching allocator has done so far, in bytes and calls.
struct AllocatorStatistics {
  std::size_t bytes_in_use = 0;
  std::size_t bytes_cached = 0;
  std::size_t peak_bytes_in_use = 0;
  std::size_t system_allocations = 0;
};

/// Keeps freed blocks by size class, so that a training step reuses the last step's memory.
/// Every block is 64-byte aligned: a cache line, and the widest vector. Thread safe.
class CachingAllocator {
 public:
  static constexpr std::size_t alignment = 64;

  /// The one cache of the process. It is never destroyed: tensors may outlive static objects.
  static CachingAllocator& instance() {
    static auto* const allocator = new CachingAllocator;
    return *allocator;
  }

  /// At least `bytes` bytes, uninitialised. Throws std::bad_alloc.
  void* allocate(std::size_t bytes) {
    const std::size_t size = size_class(bytes);
    const std::scoped_lock lock(mutex_);
    auto& blocks = free_[size];
    void* block = nullptr;
    if (blocks.empty()) {
      block = ::operator new (size, std::align_val_t{alignment});
      ++statistics_.system_allocations;
    } else {
      block = blocks.back();
      blocks.pop_back();
      statistics_.bytes_cached -= size;
    }
    statistics_.bytes_in_use += size;
    statistics_.peak_bytes_in_use =
        std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
    return block;
  }

  /// Takes back a block of allocate(bytes).
  void deallocate(void* block, std::size_t bytes) noexcept {
    const std::size_t size = size_class(bytes);
    const std::scoped_lock lock(mutex_);
    statistics_.bytes_in_use -= size;
    try {
      free_[size].push_back(block);
      statistics_.bytes_cached += size;
    } catch (...) {
      ::operator delete (block, std::align_val_t{alignment});
    }
  }

  /// Gives every cached block back to the system.
  void release_cached() {
    const std::scoped_lock lock(mutex_);
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) {
        ::operator delete (block, std::align_val_t{alignment});
      }
      blocks.clear();
    }
    statistics_.bytes_cached = 0;
  }

  AllocatorStatistics statistics() const {
    const std::scoped_lock lock(mutex_);
    return statistics_;
  }

 private:
  CachingAllocator() = default;

  // Four classes an octave waste at most a fifth, and tensors of nearly equal size share blocks.
  static std::size_t size_class(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 2) {  // rounding up would overflow
      throw std::bad_alloc();
    }
    if (bytes <= alignment) {
      return alignment;
    }
    const std::size_t step = std::bit_floor(bytes - 1) / 4;
    const std::size_t granule = step < alignment ? alignment : step;
    return (bytes + granule - 1) / granule * granule;
  }

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  AllocatorStatistics statistics_;
};

CNNRNN_NAMESPACE_END
