#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>

#include "cnnrnn/core/huge_pages.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Memory of one thread, used as a stack. It grows, while nothing lies on it, to the most that was
/// asked for at once, and is kept until the thread ends.
class ScratchStack {
 public:
  static constexpr std::size_t alignment = 64;

  /// From this size on scratch has a stack of its own, on huge pages.
  static constexpr std::size_t large = std::size_t{1} << 20;

  static ScratchStack& of_this_thread(std::size_t bytes) {
    thread_local ScratchStack small_stack(alignment);
    thread_local ScratchStack large_stack(huge_page);
    return bytes < large ? small_stack : large_stack;
  }

  ~ScratchStack() { release(); }
  ScratchStack(const ScratchStack&) = delete;
  ScratchStack& operator=(const ScratchStack&) = delete;

  /// `bytes` bytes, a multiple of the alignment, on top; null if they find no room. Throws
  /// std::bad_alloc.
  std::byte* push(std::size_t bytes) {
    if (used_ == 0 && std::max(wanted_, bytes) > size_) {
      grow(std::max(wanted_, bytes));
    }
    if (bytes > size_ - used_) {
      return nullptr;
    }
    used_ += bytes;
    return memory_ + used_ - bytes;
  }
  void pop(std::size_t bytes) noexcept { used_ -= bytes; }

  /// `bytes` more are to find room, next time.
  void want(std::size_t bytes) noexcept { wanted_ = std::max(wanted_, used_ + bytes); }

 private:
  explicit ScratchStack(std::size_t page) : page_{page} {}

  void grow(std::size_t bytes) {
    release();
    const auto page = static_cast<std::size_t>(page_);
    const std::size_t size = (bytes + page - 1) / page * page;
    memory_ = static_cast<std::byte*>(::operator new(size, page_));
    size_ = size;
    if (page == huge_page) {
      advise_huge_pages(memory_, size_);
    }
  }
  void release() noexcept {
    ::operator delete(memory_, page_);
    memory_ = nullptr;
    size_ = 0;
  }

  std::align_val_t page_;
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace detail

/// Uninitialised memory of one thread for `size` elements, on a cache line, as long as it is in
/// scope. It lies where the scratch of the block before lay, of the same loop or of another, so it
/// is in the cache of the thread's core, and costs no lock. Scratch that is made later must go
/// first, as local variables do. Throws std::bad_alloc.
template <class T>
class ThreadScratch {
  static_assert(std::is_trivially_copyable_v<T>);
  static constexpr auto alignment = detail::ScratchStack::alignment;

 public:
  explicit ThreadScratch(Index size)
      : bytes_((static_cast<std::size_t>(size) * sizeof(T) + alignment - 1) / alignment *
               alignment),
        memory_(stack().push(bytes_)) {
    if (memory_ == nullptr) {
      memory_ = static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{alignment}));
      apart_ = true;
      stack().want(bytes_);
    }
  }
  ~ThreadScratch() {
    if (apart_) {
      ::operator delete (memory_, std::align_val_t{alignment});
    } else {
      stack().pop(bytes_);
    }
  }
  ThreadScratch(const ThreadScratch&) = delete;
  ThreadScratch& operator=(const ThreadScratch&) = delete;

  T* data() const { return reinterpret_cast<T*>(memory_); }

 private:
  detail::ScratchStack& stack() const { return detail::ScratchStack::of_this_thread(bytes_); }

  std::size_t bytes_;
  std::byte* memory_;
  bool apart_ = false;
};

CNNRNN_NAMESPACE_END
