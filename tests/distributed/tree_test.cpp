#include "cnnrnn/distributed/tree.hpp"

#include <vector>

#include "cnnrnn/distributed/turns.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;
using distributed::LocalTree;
using distributed::Wire;

namespace {

float sum_of(const std::vector<float>& shards, Wire wire) {
  LocalTree<float> tree;
  for (Index shard = 0; shard < std::ssize(shards); ++shard) {
    auto values = Tensor<float>::scalar(shards[static_cast<std::size_t>(shard)]);
    if (tree.add(values, shard, std::ssize(shards), wire)) {
      CHECK(shard == std::ssize(shards) - 1);
      return values.item();
    }
  }
  return -1;
}

}  // namespace

TEST_CASE("shards are added as a tree: neighbours first, then neighbouring pairs") {
  const std::vector<float> shards{0x1p24F, 1, 1, -0x1p24F, 3, 1, 5, 0x1p-20F};
  const float left = (shards[0] + shards[1]) + (shards[2] + shards[3]);
  const float right = (shards[4] + shards[5]) + (shards[6] + shards[7]);
  CHECK(sum_of(shards, Wire::exact) == left + right);
  CHECK(left == 1);  // one after the other they would be 0
  CHECK(sum_of({7}, Wire::exact) == 7);
  // Both operands of an addition are rounded, the sum at the root is not.
  CHECK(sum_of({1.001F, 1.001F}, Wire::bfloat16) == 2);
  CHECK(sum_of({1, 0x1p-8F, 1, 0x1p-8F}, Wire::bfloat16) == 2);
}

TEST_CASE("tasks take turns, and hear what all have said") {
  std::vector<int> order;
  distributed::Turns turns(
      3, [](std::span<const double> own) { return std::vector<double>(own.begin(), own.end()); });
  turns.run([&](Index task) {
    for (int round = 0; round < 2; ++round) {
      order.push_back(static_cast<int>(task));
      const auto heard = turns.exchange(task, {static_cast<double>(10 * round + task)});
      CHECK(heard == std::vector<double>{10.0 * round, 10.0 * round + 1, 10.0 * round + 2});
    }
  });
  CHECK(order == std::vector<int>{0, 1, 2, 0, 1, 2});

  const auto failing = [](Index tasks) {
    distributed::Turns some(tasks, [](std::span<const double>) { return std::vector<double>(); });
    some.run([&](Index task) {
      require<ValueError>(task != 1, "task 1 failed");
      some.exchange(task, {});
    });
  };
  CHECK_THROWS_WITH(failing(3), "task 1 failed");
}
