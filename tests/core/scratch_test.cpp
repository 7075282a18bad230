#include "cnnrnn/core/scratch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <new>
#include <thread>

#include "support/catch.hpp"
#include "support/sanitizers.hpp"

using namespace cnnrnn;

namespace {

constexpr Index small = 1000;
constexpr Index large = Index{3} << 19;  // floats: 6 MiB

/// Where scratch of `size` floats begins, and how far it reaches if that is written to its end.
std::array<const float*, 2> write_whole(const ThreadScratch<float>& scratch, Index size) {
  std::fill_n(scratch.data(), size, 1.0F);
  return {scratch.data(), scratch.data() + size};
}

const float* place_of_scratch(Index size) {
  const ThreadScratch<float> scratch(size);
  return write_whole(scratch, size)[0];
}

}  // namespace

TEST_CASE("scratch lies on a cache line, where the one before lay") {
  for (const Index size : {small, large}) {
    const float* const first = place_of_scratch(size);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
    CHECK(place_of_scratch(size) == first);
    CHECK(place_of_scratch(size - 1) == first);
    CHECK(place_of_scratch(size / 2) == first);
  }
}

TEST_CASE("scratch within scratch lies apart, and behind it from the second time on") {
  for (const Index size : {small, large}) {
    for (const bool first : {true, false}) {
      const ThreadScratch<float> outer(3 * size + 1);
      const auto [outer_begin, outer_end] = write_whole(outer, 3 * size + 1);
      for (const Index inner_size : {Index{0}, Index{1}, 2 * size, size}) {
        const ThreadScratch<float> inner(inner_size);
        const auto [begin, end] = write_whole(inner, inner_size);
        CHECK((end <= outer_begin || begin >= outer_end));
        CHECK(reinterpret_cast<std::uintptr_t>(begin) % 64 == 0);
        if (!first && inner_size >= size) {
          CHECK(begin == outer.data() + (3 * size + 1 + 15) / 16 * 16);
        }
      }
      CHECK(*outer.data() == 1.0F);
    }
  }
}

TEST_CASE("every thread has scratch of its own") {
  for (const bool warm : {false, true}) {
    const ThreadScratch<float> mine(small);
    const float* const next = place_of_scratch(small);
    if (warm) {
      std::thread([&] { CHECK_FALSE(place_of_scratch(small) == next); }).join();
    }
  }
}

TEST_CASE("scratch that no machine has throws, and what follows finds room") {
  constexpr Index largest = std::numeric_limits<Index>::max();
  for (const Index size : {largest, largest / 2, largest / 4, Index{-1}}) {
    CHECK_THROWS_AS(ThreadScratch<float>(size), std::bad_alloc);
  }
  if constexpr (!sanitized) {
    constexpr Index absurd = Index{1} << 58;
    CHECK_THROWS_AS(ThreadScratch<float>(absurd), std::bad_alloc);
    const ThreadScratch<float> outer(large);
    CHECK_THROWS_AS(ThreadScratch<float>(absurd), std::bad_alloc);
  }
  CHECK(place_of_scratch(large) == place_of_scratch(large));
}

TEST_CASE("a thread that cannot have all it wants at once has what it asks for") {
  if constexpr (!sanitized) {
    std::thread([] {
      detail::ScratchStack::of_this_thread(1)->want(std::size_t{1} << 60);
      const float* const first = place_of_scratch(small);
      CHECK(first != nullptr);
      const auto before = CachingAllocator::instance().statistics();
      CHECK(place_of_scratch(small) == first);
      CHECK(CachingAllocator::instance().statistics().system_allocations ==
            before.system_allocations);
    }).join();
  }
}

TEST_CASE("scratch can be had while the variables of a thread are destroyed") {
  static bool no_stack = false;
  struct Last {
    ~Last() {
      no_stack = detail::ScratchStack::of_this_thread(1) == nullptr;
      CHECK(place_of_scratch(small) != nullptr);
    }
  };
  std::thread([] {
    thread_local const Last last;  // lives longer than what is made after it
    CHECK(place_of_scratch(small) != nullptr);
  }).join();
  CHECK(no_stack);
}

TEST_CASE("the allocator counts the scratch of a thread until that ends") {
  const auto in_use = [] { return CachingAllocator::instance().statistics().bytes_in_use; };
  const std::size_t before = in_use();
  std::thread([&] {
    place_of_scratch(large);
    CHECK(in_use() >= before + large * sizeof(float));
  }).join();
  CHECK(in_use() == before);
}
