// What a child process does behind fork, with whatever the parent's threads were doing then. A
// child that waits for a thread or a lock that was left behind is ended by its alarm.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/data/synthetic.hpp"

using namespace cnnrnn;

namespace {

bool passed = true;

void expect(bool holds, const std::string& what) {
  if (!holds) {
    std::cout << "failed: " << what << std::endl;
    passed = false;
  }
}

/// Whether a child process in which `work` returns true ends in time.
template <class Work>
bool in_child(const Work& work) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

/// Whether a loop computes what it should, each block with scratch and on the threads it may have.
bool loop_works(int threads) {
  set_threads(threads);
  std::atomic<int> most = 0;
  const Index sum = parallel_sum<Index>(1000, 1, [&](Index begin, Index) {
    const ThreadScratch<Index> scratch(1000);
    scratch.data()[0] = begin;
#ifdef _OPENMP
    most = omp_get_num_threads();
#endif
    return scratch.data()[0];
  });
#ifdef _OPENMP
  return sum == 499500 && most == threads;
#else
  return sum == 499500;
#endif
}

void child_has_threads() {
  expect(in_child([] { return loop_works(3); }), "a loop in a child, none in the parent before");
  expect(loop_works(2), "a loop in the parent");
  for (const int threads : {1, 2, 3}) {
    expect(in_child([&] { return loop_works(threads); }), "a loop in a child, one in the parent");
    expect(loop_works(threads), "a loop in the parent, behind fork");
  }
  expect(in_child([] { return loop_works(2) && in_child([] { return loop_works(2); }); }),
         "a loop in a child of a child");
  std::thread([] {
    expect(loop_works(2) && in_child([] { return loop_works(2); }), "fork on another thread");
  }).join();
}

/// Calls `work` on a thread of its own, over and over, while it lives.
template <class Work>
class Meanwhile {
 public:
  explicit Meanwhile(Work work)
      : thread_([this, work] {
          while (!stopped_) {
            work();
          }
        }) {}
  ~Meanwhile() {
    stopped_ = true;
    thread_.join();
  }
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

 private:
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

bool child_often(bool (*work)()) {
  for (int i = 0; i < 100; ++i) {
    if (!in_child(work)) {
      return false;
    }
  }
  return true;
}

void child_finds_locks_free() {
  const Meanwhile allocating([] { const Tensor<float> tensor(Shape{300000}); });
  const Meanwhile throwing([] {
    try {
      parallel_for(4, 1, [](Index, Index) { throw std::runtime_error("meant"); });
    } catch (const std::runtime_error&) {
    }
  });
  expect(child_often([] {
           const Tensor<float> tensor(Shape{300000});
           try {
             parallel_for(4, 1, [](Index, Index) { throw std::runtime_error("meant"); });
           } catch (const std::runtime_error&) {
             return loop_works(2);
           }
           return false;
         }),
         "a child finds locks free");
}

void child_leaves_the_pass_of_its_parent() {
  const data::Loader<float> loader(data::synthetic_images({.train_images = 64}).train,
                                   {.batch = 4, .prefetch = 3});
  auto pass = loader.begin();
  const auto refused = [&] {
    try {
      ++pass;
    } catch (const ValueError& error) {
      return std::string(error.what()) ==
             "loader: expected a pass that this process began, got its parent's: begin another";
    }
    return false;
  };
  expect(in_child(refused), "the parent's pass goes on in a child");
  expect(in_child([&] {
           { const auto dropped = std::move(pass); }
           Index batches = 0;
           for (const auto& batch : loader) {
             batches += batch.labels.size() == 4;
           }
           return batches == 16;
         }),
         "a child drops its parent's pass and begins another");
  ++pass;
  expect(pass != loader.end(), "the parent's pass goes on in the parent");
}

}  // namespace

int main() {
  child_has_threads();
  child_finds_locks_free();
  child_leaves_the_pass_of_its_parent();
  return passed ? 0 : 1;
}
