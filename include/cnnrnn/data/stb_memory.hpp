#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// Where stb_image's memory comes from, for this thread and as long as it lives: bounded, zeroed,
/// so that a broken image cannot show what lay there before, and gone at the end of the scope even
/// if an exception left stb_image in the middle of its work.
class StbMemory {
 public:
  explicit StbMemory(std::size_t most) : most_(most), outer_(std::exchange(current_, this)) {}
  ~StbMemory() {
    current_ = outer_;
    for (const Block& block : blocks_) {
      std::free(block.memory);
    }
  }
  StbMemory(const StbMemory&) = delete;
  StbMemory& operator=(const StbMemory&) = delete;

  /// Whether stb_image wanted more than it may have.
  bool exceeded() const { return exceeded_; }

  static void* allocate(std::size_t bytes) {
    return current_ != nullptr ? current_->take(bytes) : nullptr;
  }

  static void* reallocate(void* memory, std::size_t old_bytes, std::size_t bytes) {
    void* const larger = allocate(bytes);
    if (larger != nullptr && memory != nullptr) {
      std::memcpy(larger, memory, old_bytes < bytes ? old_bytes : bytes);
      release(memory);
    }
    return larger;
  }

  static void release(void* memory) {
    if (current_ != nullptr && memory != nullptr) {
      current_->give_back(memory);
    }
  }

 private:
  struct Block {
    void* memory;
    std::size_t bytes;
  };

  void* take(std::size_t bytes) {
    exceeded_ = exceeded_ || bytes > most_ - used_;
    if (exceeded_) {
      return nullptr;
    }
    blocks_.emplace_back();  // first: it may throw
    void* const memory = std::calloc(1, bytes);
    if (memory == nullptr) {
      blocks_.pop_back();
      return nullptr;
    }
    blocks_.back() = {memory, bytes};
    used_ += bytes;
    return memory;
  }

  void give_back(void* memory) {
    for (Block& block : blocks_) {
      if (block.memory == memory) {
        used_ -= block.bytes;
        std::free(memory);
        block = blocks_.back();
        blocks_.pop_back();
        return;
      }
    }
  }

  std::size_t most_;
  std::size_t used_ = 0;
  bool exceeded_ = false;
  std::vector<Block> blocks_;
  StbMemory* outer_;
  static inline thread_local StbMemory* current_ = nullptr;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
