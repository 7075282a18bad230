#include "cnnrnn/core/allocator.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "cnnrnn/core/random.hpp"
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

TEST_CASE("blocks that grow a little each time do not pile up in the cache") {
  allocator().release_cached();
  const auto before = allocator().statistics();
  constexpr std::size_t first = std::size_t{1} << 20;
  constexpr std::size_t last = 5 * first;
  for (std::size_t bytes = first; bytes < last; bytes += 4096) {
    allocator().deallocate(allocator().allocate(bytes), bytes);
  }
  const auto after = allocator().statistics();
  CHECK(after.bytes_cached <= 8 * last);
  CHECK(after.system_allocations - before.system_allocations <= 12);
  allocator().release_cached();
}

TEST_CASE("segments of a huge page and more begin at one, and are written to their end") {
  allocator().release_cached();
  const std::size_t size = 3 * os::huge_page + CachingAllocator::alignment;
  void* const block = allocator().allocate(size);
  CHECK(reinterpret_cast<std::uintptr_t>(block) % os::huge_page == 0);
  std::memset(block, 1, size);
  CHECK(static_cast<unsigned char*>(block)[size - 1] == 1);
  allocator().deallocate(block, size);
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

TEST_CASE("a large block gives room for smaller ones, and they for a large one again") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  allocator().release_cached();
  const auto before = allocator().statistics();
  void* const whole = allocator().allocate(8 * mib);
  allocator().deallocate(whole, 8 * mib);
  std::array<void*, 4> parts{};
  for (auto& part : parts) {
    part = allocator().allocate(2 * mib);
    std::memset(part, 1, 2 * mib);
  }
  CHECK(std::set<void*>(parts.begin(), parts.end()).size() == parts.size());
  CHECK(allocator().statistics().bytes_in_use == before.bytes_in_use + 8 * mib);
  for (const std::size_t i : {1U, 3U, 0U, 2U}) {
    allocator().deallocate(parts[i], 2 * mib);
  }
  CHECK(allocator().allocate(8 * mib) == whole);
  CHECK(allocator().statistics().system_allocations == before.system_allocations + 1);
  allocator().deallocate(whole, 8 * mib);
  allocator().release_cached();
  CHECK(allocator().statistics().bytes_cached == 0);
}

TEST_CASE("the smallest free piece that is large enough is taken") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  allocator().release_cached();
  void* const large = allocator().allocate(9 * mib);
  void* const small = allocator().allocate(3 * mib);
  allocator().deallocate(large, 9 * mib);
  allocator().deallocate(small, 3 * mib);
  void* const block = allocator().allocate(3 * mib - 1000);
  CHECK(block == small);
  allocator().deallocate(block, 3 * mib - 1000);
  allocator().release_cached();
}

TEST_CASE("of equal free pieces the one that was freed last is taken") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  allocator().release_cached();
  void* const whole = allocator().allocate(8 * mib);
  allocator().deallocate(whole, 8 * mib);
  std::array<void*, 4> blocks{};
  for (auto& block : blocks) {
    block = allocator().allocate(2 * mib);
  }
  allocator().deallocate(blocks[2], 2 * mib);
  allocator().deallocate(blocks[0], 2 * mib);
  CHECK(allocator().allocate(2 * mib) == blocks[0]);
  CHECK(allocator().allocate(2 * mib) == blocks[2]);
  for (void* const block : blocks) {
    allocator().deallocate(block, 2 * mib);
  }
  allocator().release_cached();
}

TEST_CASE("a freed piece is taken before an equal rest of a cut") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  allocator().release_cached();
  void* const large = allocator().allocate(8 * mib);
  void* const small = allocator().allocate(2 * mib);
  allocator().deallocate(large, 8 * mib);
  allocator().deallocate(small, 2 * mib);
  void* const cut = allocator().allocate(6 * mib);
  CHECK(cut == large);
  CHECK(allocator().allocate(2 * mib) == small);
  allocator().deallocate(cut, 6 * mib);
  allocator().deallocate(small, 2 * mib);
  allocator().release_cached();
}

TEST_CASE("a segment with a block in use is kept, the others go back to the system") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  allocator().release_cached();
  void* const segment = allocator().allocate(8 * mib);
  allocator().deallocate(segment, 8 * mib);
  void* const used = allocator().allocate(2 * mib);
  std::memset(used, 7, 2 * mib);
  allocator().release_cached();
  CHECK(allocator().statistics().bytes_cached == 6 * mib);
  CHECK(static_cast<unsigned char*>(used)[2 * mib - 1] == 7);
  allocator().deallocate(used, 2 * mib);
  allocator().release_cached();
  CHECK(allocator().statistics().bytes_cached == 0);
}

TEST_CASE("blocks of any size and order never overlap, and all comes back") {
  allocator().release_cached();
  const auto before = allocator().statistics();
  struct Block {
    unsigned char* data;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    const auto choice = static_cast<std::size_t>(random.below(Index{1} << 31));
    if (blocks.size() > 12 || (choice % 3 == 0 && !blocks.empty())) {
      const Block block = blocks[choice % blocks.size()];
      CHECK(block.data[0] == block.mark);
      CHECK(block.data[block.bytes - 1] == block.mark);
      allocator().deallocate(block.data, block.bytes);
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(choice % blocks.size()));
    } else {
      const std::size_t bytes = 1 + choice % (std::size_t{5} << 20);
      auto* const data = static_cast<unsigned char*>(allocator().allocate(bytes));
      const auto mark = static_cast<unsigned char>(round);
      std::memset(data, mark, bytes);
      blocks.push_back({data, bytes, mark});
    }
  }
  for (const Block& block : blocks) {
    allocator().deallocate(block.data, block.bytes);
  }
  allocator().release_cached();
  CHECK(allocator().statistics().bytes_in_use == before.bytes_in_use);
  CHECK(allocator().statistics().bytes_cached == 0);
}
