#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "cnnrnn/system/posix/processors.hpp"
#include "cnnrnn/system/windows/processors.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// How many processors' time a container leaves to this process: 1.5 for 150 ms in each 100 ms.
/// Infinity if there is no limit, or none that can be read. For tests, the folders proc and sys of
/// Linux are in `root`.
inline double cpu_quota(const std::string& root = "") { return detail::cpu_quota(root); }

/// Enough threads for a quota, of `processors` that there are. Part of a processor counts as one:
/// blocks of loops go to whoever is free, so its time is of use.
inline int threads_within(double quota, int processors) {
  return std::max(1, static_cast<int>(std::min<double>(processors, std::ceil(quota))));
}

}  // namespace os
CNNRNN_NAMESPACE_END
