#pragma once

#if !defined(_WIN32)

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline long process_id() { return ::getpid(); }

inline void at_fork(void (*before)(), void (*parent)(), void (*child)()) {
  ::pthread_atfork(before, parent, child);
}

inline std::optional<std::string> environment(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* const value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

inline std::vector<std::string> utf8_arguments(int argc, const char* const* argv) {
  return {argv, argv + argc};
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
