#pragma once

#if !defined(_WIN32)

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline constexpr double no_quota = std::numeric_limits<double>::infinity();

/// Microseconds of use over those of a period. "max" and -1 mean that there is no limit.
inline double quota_of_files(std::istream& quota, std::istream& period) {
  std::int64_t use = 0;
  std::int64_t of = 0;
  const bool limited = quota >> use && period >> of && use > 0 && of > 0;
  return limited ? static_cast<double>(use) / static_cast<double>(of) : no_quota;
}

/// That of one control group, whose files lie in `folder`.
inline double quota_of_group(const std::string& folder) {
  std::ifstream version_2(folder + "/cpu.max");
  if (version_2) {
    return quota_of_files(version_2, version_2);
  }
  std::ifstream quota(folder + "/cpu.cfs_quota_us");
  std::ifstream period(folder + "/cpu.cfs_period_us");
  return quota_of_files(quota, period);
}

/// The lowest of the group at mount + path and of all that it lies in.
inline double quota_of_groups(const std::string& mount, const std::string& path) {
  double lowest = no_quota;
  for (std::string group = mount + path; group.size() >= mount.size();
       group.erase(group.rfind('/'))) {
    lowest = std::min(lowest, quota_of_group(group));
  }
  return lowest;
}

/// By the control groups of Linux, whose folders proc and sys are in `root`. Source: cgroups(7).
inline double cpu_quota(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  const std::string mount = root + "/sys/fs/cgroup";
  double lowest = no_quota;
  for (std::string number, controllers, path;  // of a line such as 4:cpu,cpuacct:/docker/1f0c
       std::getline(groups, number, ':') && std::getline(groups, controllers, ':') &&
       std::getline(groups, path);) {
    if (controllers.empty()) {  // version 2
      lowest = std::min(lowest, quota_of_groups(mount, path));
    } else if ((',' + controllers + ',').find(",cpu,") != std::string::npos) {
      lowest = std::min(lowest, quota_of_groups(mount + "/cpu", path));
    }
  }
  return lowest;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
