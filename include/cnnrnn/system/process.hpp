#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/system/posix/process.hpp"
#include "cnnrnn/system/windows/process.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

inline long process_id() { return detail::process_id(); }

/// Calls `before` in front of each fork, then `parent` and `child` in the two processes; null calls
/// nothing. What is registered last is called first in front of the fork, last behind it. Where no
/// process forks, as on Windows, nothing happens.
inline void at_fork(void (*before)(), void (*parent)(), void (*child)()) {
  detail::at_fork(before, parent, child);
}

/// An environment variable, in UTF-8; none if it is not set.
inline std::optional<std::string> environment(const std::string& name) {
  return detail::environment(name);
}

/// The arguments of main, in UTF-8. On Windows the console is
/// told that what the program prints is UTF-8 too.
inline std::vector<std::string> utf8_arguments(int argc, const char* const* argv) {
  return detail::utf8_arguments(argc, argv);
}

}  // namespace os
CNNRNN_NAMESPACE_END
