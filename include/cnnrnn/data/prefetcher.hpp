#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/system/process.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

/// Makes items on threads of its own; see Prefetcher.
template <class Item>
class PrefetchThreads {
 public:
  PrefetchThreads(std::function<std::optional<Item>(Index)> make, Index ahead, Index threads)
      : make_(std::move(make)), ahead_(ahead) {
    try {
      for (Index i = 0; i < std::min(ahead, threads); ++i) {
        threads_.emplace_back([this] { run(); });
      }
    } catch (...) {
      stop();
      throw;
    }
  }

  ~PrefetchThreads() { stop(); }

  PrefetchThreads(const PrefetchThreads&) = delete;
  PrefetchThreads& operator=(const PrefetchThreads&) = delete;

  std::optional<Item> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.contains(used_) || used_ >= end_; });
    if (used_ >= end_) {
      if (failure_) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
      }
      return std::nullopt;
    }
    const auto found = ready_.extract(used_++);
    lock.unlock();
    changed_.notify_all();
    return std::move(found.mapped());
  }

 private:
  void run() noexcept {
    while (const auto index = take_index()) {
      std::optional<Item> item;
      std::exception_ptr failure;
      try {
        item = make_(*index);
      } catch (...) {
        failure = std::current_exception();
      }
      put(*index, std::move(item), failure);
    }
  }

  /// The next item to make, when there is room for it; none at the end.
  std::optional<Index> take_index() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || begun_ >= end_ || begun_ - used_ < ahead_; });
    return stopped_ || begun_ >= end_ ? std::nullopt : std::optional(begun_++);
  }

  /// Hands an item over. The first that is not there, or failed, is the end of all.
  void put(Index index, std::optional<Item> item, const std::exception_ptr& failure) {
    const std::scoped_lock lock(mutex_);
    if (item) {
      ready_.emplace(index, *std::move(item));
    } else if (index < end_) {
      end_ = index;
      failure_ = failure;
    }
    changed_.notify_all();
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) {
      thread.join();
    }
  }

  std::function<std::optional<Item>(Index)> make_;
  Index ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Index, Item> ready_;
  std::exception_ptr failure_;
  Index begun_ = 0;  ///< items that a thread has taken
  Index used_ = 0;   ///< items that next() has returned
  Index end_ = std::numeric_limits<Index>::max();
  bool stopped_ = false;
  std::vector<std::thread> threads_;  // the last: they use all the others
};

}  // namespace detail

/// Makes items ahead of their use on threads of its own, at most `ahead` of them, and returns them
/// in order. It belongs to the process that made it.
template <class Item>
class Prefetcher {
 public:
  /// `make` returns the item of a number, counted from 0, or none at the end, and is called on
  /// `threads` threads at once. What it throws comes out of next(), after the items before it.
  /// `ahead` and `threads` must be positive.
  Prefetcher(std::function<std::optional<Item>(Index)> make, Index ahead, Index threads)
      : threads_(std::make_unique<detail::PrefetchThreads<Item>>(std::move(make), ahead, threads)) {
  }
  /// The same on one thread, which makes one item after the other.
  Prefetcher(std::function<std::optional<Item>()> make, Index ahead)
      : Prefetcher([make = std::move(make)](Index) { return make(); }, ahead, 1) {}

  /// Stops without waiting for what is not used, but for the items that are being made. In a
  /// child process, which has no such threads, all it holds stays behind: its lock may be taken for
  /// ever.
  ~Prefetcher() {
    if (os::process_id() != process_) {
      static_cast<void>(threads_.release());
    }
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next item, or none at the end; waits for it. Throws what `make` threw, and ValueError in a
  /// child process.
  std::optional<Item> next() {
    require<ValueError>(
        os::process_id() == process_,
        "loader: expected a pass that this process began, got its parent's: begin another");
    return threads_->next();
  }

 private:
  long process_ = os::process_id();
  std::unique_ptr<detail::PrefetchThreads<Item>> threads_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
