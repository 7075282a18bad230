#include "cnnrnn/system/thread_object.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

std::atomic<int> alive{0};
std::atomic<int> wrong{0};

/// Notices when it is destroyed with other bytes than it had.
struct Counted {
  Counted() { ++alive; }
  ~Counted() {
    --alive;
    wrong += numbers.size() != 3 || mark != 42 || os::thread_object<Counted>() != nullptr;
  }
  std::vector<int> numbers{1, 2, 3};
  int mark = 42;
};

}  // namespace

TEST_CASE("a thread's object is one, its own, and goes with it, whole") {
  std::thread([] {
    Counted* const mine = os::thread_object<Counted>();
    CHECK(mine == os::thread_object<Counted>());
    CHECK(alive == 1);
  }).join();
  CHECK(alive == 0);
  CHECK(wrong == 0);
  CHECK(os::thread_object<Counted>()->mark == 42);
}
