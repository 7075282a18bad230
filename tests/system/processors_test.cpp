#include "cnnrnn/system/processors.hpp"

#include <filesystem>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;

namespace {

constexpr double none = std::numeric_limits<double>::infinity();

/// The quota by these files.
double quota(std::initializer_list<std::pair<std::string, std::string>> files) {
  const TemporaryFolder root;
  for (const auto& [path, text] : files) {
    const std::string file = root.file(path);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    write_bytes(file, text);
  }
  return os::cpu_quota(root.path());
}

}  // namespace

TEST_CASE("the quota of version 2 is that of the group and of those it lies in") {
  CHECK(quota({{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "150000 100000\n"}}) ==
        1.5);
  CHECK(quota({{"proc/self/cgroup", "0::/a/b\n"},
               {"sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
               {"sys/fs/cgroup/a/cpu.max", "200000 100000\n"}}) == 2);
  CHECK(quota({{"proc/self/cgroup", "0::/a/b\n"},
               {"sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"},
               {"sys/fs/cgroup/a/cpu.max", "200000 100000\n"}}) == 0.5);
}

TEST_CASE("the quota of version 1 is that of the controller cpu") {
  const std::string groups = "9:cpuset:/c\n4:cpu,cpuacct:/a:b\n0::/\n";
  CHECK(quota({{"proc/self/cgroup", groups},
               {"sys/fs/cgroup/cpu/a:b/cpu.cfs_quota_us", "400000\n"},
               {"sys/fs/cgroup/cpu/a:b/cpu.cfs_period_us", "100000\n"}}) == 4);
  // A container that sees its own group as the root, but the host's path.
  CHECK(quota({{"proc/self/cgroup", groups},
               {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "30000\n"},
               {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "10000\n"}}) == 3);
  CHECK(quota({{"proc/self/cgroup", groups},
               {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
               {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}) == none);
}

TEST_CASE("what cannot be read is no quota") {
  CHECK(quota({}) == none);
  CHECK(quota({{"proc/self/cgroup", "0::/\n"}}) == none);
  for (const char* groups :
       {"", "\n", "0", "0:", "0:cpu", "0::", "::::", "0::a", "0::/../../..\n"}) {
    CAPTURE(groups);
    CHECK(quota({{"proc/self/cgroup", groups}}) == none);
  }
  for (const char* max : {"", "max", "100000", "0 100000", "-1 100000", "100000 0", "100000 -5",
                          "99999999999999999999 100000", "one two", "\0"}) {
    CAPTURE(max);
    CHECK(quota({{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", max}}) == none);
  }
  CHECK(quota({{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max/folder", ""}}) == none);
  CHECK(os::cpu_quota() > 0);
}

TEST_CASE("a quota rounds up to threads, from 1 to the processors") {
  CHECK(os::threads_within(none, 8) == 8);
  CHECK(os::threads_within(64, 8) == 8);
  CHECK(os::threads_within(2, 8) == 2);
  CHECK(os::threads_within(1.5, 8) == 2);
  CHECK(os::threads_within(0.01, 8) == 1);
}
