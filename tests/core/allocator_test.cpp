#include "cnnrnn/core/allocator.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/sanitizers.hpp"

using namespace cnnrnn;

namespace {

CachingAllocator& allocator() { return CachingAllocator::instance(); }

}  // namespace

TEST_CASE("every block is aligned and as large as asked for") {
  for (std::size_t bytes = 0; bytes < 5000; bytes += bytes < 300 ? 1 : 97) {
    void* const block = allocator().allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % CachingAllocator::alignment == 0);
    std::memset(block, 1, bytes);
    allocator().deallocate(block, bytes);
  }
}

TEST_CASE("a freed block is used again, also for a slightly different size") {
  void* const block = allocator().allocate(100000);
  allocator().deallocate(block, 100000);
  const auto before = allocator().statistics();
  void* const again = allocator().allocate(99500);
  CHECK(again == block);
  CHECK(allocator().statistics().system_allocations == before.system_allocations);
  allocator().deallocate(again, 99500);
}

TEST_CASE("blocks in use are never shared") {
  std::set<void*> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.insert(allocator().allocate(640));
  }
  CHECK(blocks.size() == 100);
  for (void* block : blocks) {
    allocator().deallocate(block, 640);
  }
}

TEST_CASE("the statistics add up, and classes waste at most a quarter") {
  allocator().release_cached();
  const auto before = allocator().statistics();
  CHECK(before.bytes_cached == 0);
  for (const std::size_t bytes : {std::size_t{65}, std::size_t{1025}, std::size_t{1000001}}) {
    void* const block = allocator().allocate(bytes);
    const auto during = allocator().statistics();
    const std::size_t taken = during.bytes_in_use - before.bytes_in_use;
    CHECK(taken >= bytes);
    CHECK(taken <= std::max(bytes + bytes / 4, bytes + CachingAllocator::alignment));
    CHECK(during.peak_bytes_in_use >= during.bytes_in_use);
    allocator().deallocate(block, bytes);
    CHECK(allocator().statistics().bytes_cached == taken);
    allocator().release_cached();
  }
  const auto after = allocator().statistics();
  CHECK(after.bytes_in_use == before.bytes_in_use);
  CHECK(after.bytes_cached == 0);
  CHECK(after.system_allocations == before.system_allocations + 3);
}

TEST_CASE("a size that no machine has throws and leaves the statistics alone") {
  const auto before = allocator().statistics();
  if constexpr (!sanitized) {
    CHECK_THROWS_AS(allocator().allocate(std::size_t{1} << 60), std::bad_alloc);
  }
  CHECK_THROWS_AS(allocator().allocate(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS(allocator().allocate(SIZE_MAX / 2 + 2), std::bad_alloc);
  CHECK(allocator().statistics().bytes_in_use == before.bytes_in_use);
}

TEST_CASE("many threads allocate at once") {
  const auto before = allocator().statistics();
  std::array<int, 8> damaged{};
  std::vector<std::thread> threads;
  for (std::size_t id = 0; id < damaged.size(); ++id) {
    threads.emplace_back([id, &damaged] {
      for (std::size_t round = 0; round < 2000; ++round) {
        const std::size_t bytes = 1 + round % 700;
        auto* const block = static_cast<unsigned char*>(allocator().allocate(bytes));
        std::memset(block, static_cast<int>(id), bytes);
        damaged[id] += block[0] != id || block[bytes - 1] != id;
        allocator().deallocate(block, bytes);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  CHECK(damaged == std::array<int, 8>{});
  CHECK(allocator().statistics().bytes_in_use == before.bytes_in_use);
}
