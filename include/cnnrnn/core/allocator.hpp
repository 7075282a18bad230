#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "cnnrnn/core/segments.hpp"
#include "cnnrnn/system/huge_pages.hpp"
#include "cnnrnn/system/process.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What the caching allocator has done so far, in bytes and calls.
struct AllocatorStatistics {
  std::size_t bytes_in_use = 0;        ///< held by tensors and scratch
  std::size_t bytes_cached = 0;        ///< kept for reuse
  std::size_t peak_bytes_in_use = 0;   ///< the most there has been in use
  std::size_t system_allocations = 0;  ///< calls for memory from the system
};

/// Keeps freed memory, so that a training step reuses the last step's. Small blocks are kept by
/// size class, large ones cut out of segments, on huge pages if they are large enough, and joined
/// again. Every block is 64-byte aligned: a cache line, and the widest vector. Thread safe.
class CachingAllocator {
 public:
  static constexpr std::size_t alignment = 64;  ///< of every block, in bytes

  /// From this size on a block is cut out of a segment, and only segments are rounded up to a
  /// class.
  static constexpr std::size_t large = std::size_t{1} << 20;

  /// The one cache of the process. It is never destroyed: tensors may outlive static objects. A
  /// child process finds its lock free, whatever other threads did when its parent forked.
  CNNRNN_SHARED static CachingAllocator& instance() {
    static auto* const allocator = [] {
      os::at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                  [] { instance().mutex_.unlock(); });
      return new CachingAllocator;
    }();
    return *allocator;
  }

  /// At least `bytes` bytes, uninitialised. Gives the cached memory back to the system before it
  /// throws std::bad_alloc.
  void* allocate(std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    const std::scoped_lock lock(mutex_);
    void* block = take_cached(size);
    if (block == nullptr) {
      block = from_system(size);
    }
    const std::size_t taken = size < large ? size : segments_.size_of(block);
    statistics_.bytes_in_use += taken;
    statistics_.peak_bytes_in_use =
        std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
    return block;
  }

  /// Takes back a block of allocate(bytes).
  void deallocate(void* block, std::size_t bytes) noexcept {
    const std::size_t size = block_size(bytes);
    const std::scoped_lock lock(mutex_);
    if (size >= large) {
      const std::size_t taken = segments_.put(block);
      statistics_.bytes_in_use -= taken;
      statistics_.bytes_cached += taken;
      return;
    }
    statistics_.bytes_in_use -= size;
    try {
      free_[size].push_back(block);
      statistics_.bytes_cached += size;
    } catch (...) {
      to_system(block, size);
    }
  }

  /// Gives cached memory back to the system: all but what shares a segment with a block in use.
  void release_cached() {
    const std::scoped_lock lock(mutex_);
    release();
  }

  /// What has been done so far.
  AllocatorStatistics statistics() const {
    const std::scoped_lock lock(mutex_);
    return statistics_;
  }

 private:
  CachingAllocator() = default;

  // Four classes an octave waste at most a fifth, and tensors of nearly equal size share blocks.
  static std::size_t round_up_to_class(std::size_t bytes) {
    return round_up(bytes, std::max(std::bit_floor(bytes - 1) / 4, alignment));
  }
  static std::size_t round_up(std::size_t bytes, std::size_t granule) {
    return (bytes + granule - 1) / granule * granule;
  }
  static std::size_t block_size(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 2) {  // rounding up would overflow
      throw std::bad_alloc();
    }
    if (bytes <= alignment) {
      return alignment;
    }
    return bytes < large ? round_up_to_class(bytes) : round_up(bytes, alignment);
  }

  void* take_cached(std::size_t size) {
    if (size >= large) {
      void* const block = segments_.take(size);
      statistics_.bytes_cached -= block != nullptr ? segments_.size_of(block) : 0;
      return block;
    }
    auto& blocks = free_[size];
    if (blocks.empty()) {
      return nullptr;
    }
    void* const block = blocks.back();
    blocks.pop_back();
    statistics_.bytes_cached -= size;
    return block;
  }

  void* from_system(std::size_t size) {
    // Sizes that grow a little each time find room in the last segment, four times an octave.
    const std::size_t whole = size < large ? size : round_up_to_class(size);
    const auto aligned = alignment_of(whole);
    void* block = ::operator new(whole, aligned, std::nothrow);
    if (block == nullptr) {
      release();
      block = ::operator new(whole, aligned);
    }
    ++statistics_.system_allocations;
    if (size < large) {
      return block;
    }
    if (whole >= os::huge_page) {
      os::advise_huge_pages(block, whole);
    }
    try {
      segments_.add(block, whole);
    } catch (...) {
      to_system(block, whole);
      throw;
    }
    segments_.put(block);
    statistics_.bytes_cached += whole;
    return take_cached(size);
  }

  static void to_system(void* block, std::size_t size) noexcept {
    ::operator delete(block, alignment_of(size));
  }

  static std::align_val_t alignment_of(std::size_t size) {
    return std::align_val_t{size < os::huge_page ? alignment : os::huge_page};
  }

  void release() {
    for (auto& [size, blocks] : free_) {
      for (void* const block : blocks) {
        to_system(block, size);
      }
      statistics_.bytes_cached -= size * blocks.size();
      blocks.clear();
    }
    while (const auto segment = segments_.remove_free()) {
      statistics_.bytes_cached -= segment->size;
      to_system(segment->memory, segment->size);
    }
  }

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  Segments segments_;
  AllocatorStatistics statistics_;
};

CNNRNN_NAMESPACE_END
