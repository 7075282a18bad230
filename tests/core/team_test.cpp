#include "cnnrnn/core/team.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <string>
#include <thread>
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

TEST_CASE("an exception in a team ends the others and arrives at the caller") {
  for (const int most : {1, 2, 3, 5}) {
    for (const int who : {0, most - 1}) {
      std::atomic<int> left{0};
      const auto run = [&](int failing) {
        parallel_team(most, [&](const TeamMember& member) {
          for (int step = 0; step < 10; ++step) {
            if (step == 5 && member.number == failing % member.members) {
              throw ValueError("step 5");
            }
            member.wait();
          }
          ++left;
        });
      };
      CHECK_THROWS_WITH(run(who), "step 5");
      CHECK(left == 0);
    }
  }
}

TEST_CASE("the exception of the first thread of a team arrives if several throw") {
  for (int repetition = 0; repetition < 20; ++repetition) {
    CHECK_THROWS_WITH(parallel_team(3,
                                    [](const TeamMember& member) {
                                      member.wait();
                                      throw ValueError("thread " + std::to_string(member.number));
                                    }),
                      "thread 0");
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

TEST_CASE("a team has no more threads than processors, and one inside a loop") {
  set_threads(most_threads);
  CHECK(team_threads() >= 1);
  CHECK(team_threads() <= static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<int> inside(8, 0);
  set_threads(2);
  parallel_for(
      8, 1, [&](Index block, Index) { inside[static_cast<std::size_t>(block)] = team_threads(); });
  set_threads(0);
  CHECK(inside == std::vector<int>(8, 1));
}

namespace {

/// What this thread alone has computed for.
double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

TEST_CASE("who waits for a thread that takes long sleeps until it comes") {
  std::vector<double> waited(4, 0.0);
  std::atomic<bool> came{false};
  std::atomic<int> early{0};
  parallel_team(4, [&](const TeamMember& member) {
    if (member.number == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      came = true;
    }
    const double begin = thread_seconds();
    member.wait();
    waited[static_cast<std::size_t>(member.number)] = thread_seconds() - begin;
    early += came ? 0 : 1;
  });
  CHECK(early == 0);
  CHECK(*std::max_element(waited.begin(), waited.end()) < 0.1);
}

#ifdef _OPENMP
TEST_CASE("a team may have fewer threads than asked for") {
  const int levels = omp_get_max_active_levels();
  omp_set_max_active_levels(0);
  int members = 0;
  parallel_team(3, [&](const TeamMember& member) {
    member.wait();
    members += member.members;
  });
  omp_set_max_active_levels(levels);
  CHECK(members == 1);
}
#endif
