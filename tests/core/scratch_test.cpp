#include "cnnrnn/core/scratch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
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
  const ThreadScratch<float> mine(small);
  const auto [begin, end] = write_whole(mine, small);
  std::fill_n(mine.data(), small, 2.0F);
  std::array<const float*, 2> other{};
  std::thread([&] {
    const ThreadScratch<float> theirs(small);
    other = write_whole(theirs, small);
  }).join();
  CHECK((other[1] <= begin || other[0] >= end));
  CHECK(std::count(begin, end, 2.0F) == small);
}

TEST_CASE("scratch that no machine has throws, and what follows finds room") {
  if constexpr (!sanitized) {
    constexpr Index absurd = Index{1} << 58;
    CHECK_THROWS_AS(ThreadScratch<float>(absurd), std::bad_alloc);
    const ThreadScratch<float> outer(large);
    CHECK_THROWS_AS(ThreadScratch<float>(absurd), std::bad_alloc);
  }
  CHECK(place_of_scratch(large) == place_of_scratch(large));
}
