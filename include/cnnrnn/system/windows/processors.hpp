#pragma once

#if defined(_WIN32)

#include <limits>
#include <string>
#include <thread>

#include "cnnrnn/system/windows/api.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

/// A container is a job whose processes may have a share of all processors. Source: Windows'
/// JOBOBJECT_CPU_RATE_CONTROL_INFORMATION.
inline double cpu_quota(const std::string&) {
  struct Rate {
    unsigned long flags;
    unsigned long share;  // of 10000
  };
  constexpr int rate_control = 15;
  constexpr unsigned long enabled_hard_limit = 5;
  using Query = int __stdcall(void*, int, void*, unsigned long, unsigned long*);
  auto* const query = kernel_function<Query>("QueryInformationJobObject");
  Rate rate{};
  const bool limited = query != nullptr &&
                       query(nullptr, rate_control, &rate, sizeof(rate), nullptr) != 0 &&
                       (rate.flags & enabled_hard_limit) == enabled_hard_limit;
  return limited ? static_cast<double>(rate.share) / 10000 * std::thread::hardware_concurrency()
                 : std::numeric_limits<double>::infinity();
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
