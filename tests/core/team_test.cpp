#include "cnnrnn/core/team.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("the threads of a team see what the others have written before they waited") {
  for (const int most : {1, 2, 3, 5}) {
    std::vector<int> written(static_cast<std::size_t>(most), 0);
    std::vector<int> wrong(static_cast<std::size_t>(most), 0);
    int team = 0;
    parallel_team(most, [&](const TeamMember& member) {
      const auto own = static_cast<std::size_t>(member.number);
      if (own == 0) {
        team = member.members;
      }
      for (int step = 1; step <= 1000; ++step) {
        written[own] = step;
        member.wait();
        for (int other = 0; other < member.members; ++other) {
          wrong[own] += written[static_cast<std::size_t>(other)] != step ? 1 : 0;
        }
        member.wait();
      }
    });
    CHECK(team >= 1);
    CHECK(team <= most);
    CHECK(wrong == std::vector<int>(static_cast<std::size_t>(most), 0));
  }
}

TEST_CASE("inside a loop, a team is the thread itself") {
  std::vector<int> members(4, 0);
  set_threads(2);
  parallel_for(4, 1, [&](Index block, Index) {
    parallel_team(2, [&](const TeamMember& member) {
      member.wait();
      members[static_cast<std::size_t>(block)] += member.members;
    });
  });
  set_threads(0);
  CHECK(members == std::vector<int>(4, 1));
}
