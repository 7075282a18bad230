#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>

#include "cnnrnn/core/allocator.hpp"
#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/system/huge_pages.hpp"
#include "cnnrnn/system/thread_object.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Memory of one thread, used as a stack, that begins at a page. While nothing lies on it, it grows
/// to what did not find room before; the thread keeps it until it ends.
class ScratchStack {
 public:
  /// From this size on scratch lies on a stack of its own, of whole huge pages.
  static constexpr std::size_t large = CachingAllocator::large;

  /// That for `bytes` bytes; null while the thread's variables are destroyed.
  static ScratchStack* of_this_thread(std::size_t bytes);

  ~ScratchStack() { release(); }
  ScratchStack(const ScratchStack&) = delete;
  ScratchStack& operator=(const ScratchStack&) = delete;

  /// `bytes` bytes, a multiple of the alignment, on top; null if they find no room. Throws
  /// std::bad_alloc.
  std::byte* push(std::size_t bytes) {
    if (used_ == 0 && std::max(wanted_, bytes) > size_) {
      grow(bytes);
    }
    if (bytes > size_ - used_) {
      return nullptr;
    }
    used_ += bytes;
    return first_ + used_ - bytes;
  }
  void pop(std::size_t bytes) noexcept { used_ -= bytes; }

  /// `bytes` more are to find room, next time.
  void want(std::size_t bytes) noexcept { wanted_ = std::max(wanted_, used_ + bytes); }

 private:
  static constexpr std::size_t page = 4096;

  explicit ScratchStack(std::size_t unit) : unit_(unit) {}

  /// To what is wanted, or, if there is not so much, to `bytes`.
  void grow(std::size_t bytes) {
    release();
    try {
      take(std::max(wanted_, bytes));
    } catch (const std::bad_alloc&) {
      if (wanted_ <= bytes) {
        throw;
      }
      wanted_ = bytes;
      take(bytes);
    }
  }
  void take(std::size_t bytes) {
    const std::size_t whole = (bytes + page + unit_ - 1) / unit_ * unit_;
    memory_ = CachingAllocator::instance().allocate(whole);
    size_ = whole - page;
    const auto address = reinterpret_cast<std::uintptr_t>(memory_);
    first_ = static_cast<std::byte*>(memory_) + (page - address % page) % page;
  }
  void release() noexcept {
    if (memory_ != nullptr) {
      CachingAllocator::instance().deallocate(memory_, size_ + page);
    }
    memory_ = nullptr;
    size_ = 0;
  }

  struct OfThread;

  std::size_t unit_;  ///< memory comes in multiples of this
  void* memory_ = nullptr;
  std::byte* first_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
  std::size_t wanted_ = 0;
};

struct ScratchStack::OfThread {
  ScratchStack small_stack{page};
  ScratchStack large_stack{os::huge_page};
};

inline ScratchStack* ScratchStack::of_this_thread(std::size_t bytes) {
  OfThread* const stacks = os::thread_object<OfThread>();
  return stacks == nullptr ? nullptr : bytes < large ? &stacks->small_stack : &stacks->large_stack;
}

}  // namespace detail

/// Uninitialised memory of one thread for `size` elements, on a cache line, as long as it is in
/// scope. It lies where the scratch of the block before lay, of the same loop or of another, so it
/// is in the cache of the thread's core, and once it has found its place it costs no lock. A thread
/// destroys its own, the last one first, as local variables are. Throws std::bad_alloc.
template <class T>
class ThreadScratch {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Uninitialised memory for `size` elements. Throws std::bad_alloc.
  explicit ThreadScratch(Index size) : bytes_(whole_lines(size)) {
    if (bytes_ == 0) {
      return;
    }
    stack_ = detail::ScratchStack::of_this_thread(bytes_);
    memory_ = stack_ != nullptr ? stack_->push(bytes_) : nullptr;
    if (memory_ == nullptr) {
      memory_ = static_cast<std::byte*>(CachingAllocator::instance().allocate(bytes_));
      if (stack_ != nullptr) {
        stack_->want(bytes_);
        stack_ = nullptr;
      }
    }
  }
  ~ThreadScratch() {
    if (stack_ != nullptr) {
      stack_->pop(bytes_);
    } else if (memory_ != nullptr) {
      CachingAllocator::instance().deallocate(memory_, bytes_);
    }
  }
  ThreadScratch(const ThreadScratch&) = delete;
  ThreadScratch& operator=(const ThreadScratch&) = delete;

  /// The first element.
  T* data() const { return reinterpret_cast<T*>(memory_); }

 private:
  static std::size_t whole_lines(Index size) {
    constexpr std::size_t line = CachingAllocator::alignment;
    constexpr std::size_t element = sizeof(T);  // NOLINT: of a pointer, too
    const auto count = static_cast<std::size_t>(size);
    if (count > std::numeric_limits<std::size_t>::max() / 4 / element) {
      throw std::bad_alloc();
    }
    return (count * element + line - 1) / line * line;
  }

  std::size_t bytes_;
  std::byte* memory_ = nullptr;
  detail::ScratchStack* stack_ = nullptr;  // null for memory apart
};

CNNRNN_NAMESPACE_END
