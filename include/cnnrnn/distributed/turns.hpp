#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// Some tasks that run in turns, each on a thread of its own: one at a time, to where it waits for
/// what the others have to say. All tell each other equally often.
class Turns {
 public:
  /// `gather` turns what the tasks here have said into what those of all processes have.
  using Gather = std::function<std::vector<double>(std::span<const double>)>;

  /// So many tasks, which have not begun.
  Turns(Index tasks, Gather gather) : tasks_(tasks), gather_(std::move(gather)) {}

  /// Runs task(0), task(1), ... to the end. Throws what the first that failed has thrown.
  void run(const std::function<void(Index)>& task) {
    std::vector<std::thread> threads;
    for (Index i = 0; i < tasks_; ++i) {
      threads.emplace_back([&, i] { run_one(task, i); });
    }
    for (auto& thread : threads) {
      thread.join();
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
  }

  /// What all tasks of all processes say, in their order, when the last of them has.
  std::vector<double> exchange(Index task, const std::vector<double>& values) {
    said_.insert(said_.end(), values.begin(), values.end());
    if (task == tasks_ - 1) {
      heard_ = gather_(said_);
      said_.clear();
    }
    if (tasks_ > 1) {
      pass_on(task);
      wait_for_turn(task);
    }
    return heard_;
  }

 private:
  /// Ends a task, since another one has failed.
  struct Ended {};

  void run_one(const std::function<void(Index)>& task, Index index) noexcept {
    try {
      wait_for_turn(index);
      task(index);
    } catch (const Ended&) {  // run() throws what the other one has
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failure_ = failure_ ? failure_ : std::current_exception();
    }
    pass_on(index);
  }

  void pass_on(Index task) {
    {
      const std::scoped_lock lock(mutex_);
      turn_ = (task + 1) % tasks_;
    }
    changed_.notify_all();
  }

  void wait_for_turn(Index task) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || turn_ == task; });
    if (failure_) {
      throw Ended();
    }
  }

  Index tasks_;
  Gather gather_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Index turn_ = 0;
  std::exception_ptr failure_;
  std::vector<double> said_, heard_;  // whose turn it is has them
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
