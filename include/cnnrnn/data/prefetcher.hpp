#pragma once

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

/// Makes items on a thread of its own; see Prefetcher.
template <class Item>
class PrefetchThread {
 public:
  PrefetchThread(std::function<std::optional<Item>()> make, Index ahead)
      : make_(std::move(make)), ahead_(ahead), thread_([this] { run(); }) {}

  ~PrefetchThread() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  PrefetchThread(const PrefetchThread&) = delete;
  PrefetchThread& operator=(const PrefetchThread&) = delete;

  std::optional<Item> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
    if (ready_.empty()) {
      if (failure_) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
      }
      return std::nullopt;
    }
    std::optional<Item> item(std::move(ready_.front()));
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return item;
  }

 private:
  void run() noexcept {
    try {
      while (wait_for_room()) {
        std::optional<Item> item = make_();
        if (!item) {
          break;
        }
        const std::scoped_lock lock(mutex_);
        ready_.push_back(*std::move(item));
        changed_.notify_all();
      }
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failure_ = std::current_exception();
    }
    const std::scoped_lock lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }

  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || std::ssize(ready_) < ahead_; });
    return !stopped_;
  }

  std::function<std::optional<Item>()> make_;
  Index ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  std::exception_ptr failure_;
  bool stopped_ = false;
  bool finished_ = false;
  std::thread thread_;  // the last: it uses all the others
};

}  // namespace detail

/// Makes items ahead of their use on a thread of its own, in order, at most `ahead` of them. It
/// belongs to the process that made it.
template <class Item>
class Prefetcher {
 public:
  /// `make` returns the next item, or none at the end. What it throws comes out of next(), after
  /// the items before it. `ahead` must be positive.
  Prefetcher(std::function<std::optional<Item>()> make, Index ahead)
      : thread_(std::make_unique<detail::PrefetchThread<Item>>(std::move(make), ahead)) {}

  /// Stops without waiting for what is not used, but for the item that is being made. In a child
  /// process, which has no such thread, all it holds stays behind: its lock may be taken for ever.
  ~Prefetcher() {
    if (::getpid() != process_) {
      static_cast<void>(thread_.release());
    }
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next item, or none at the end; waits for it. Throws what `make` threw, and ValueError in a
  /// child process.
  std::optional<Item> next() {
    require<ValueError>(
        ::getpid() == process_,
        "loader: expected a pass that this process began, got its parent's: begin another");
    return thread_->next();
  }

 private:
  ::pid_t process_ = ::getpid();
  std::unique_ptr<detail::PrefetchThread<Item>> thread_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
