#pragma once

#if !defined(_WIN32)

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

inline std::optional<int> terminal_width(std::FILE* stream) {
  struct ::winsize size {};
  const bool known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::optional<int>(size.ws_col) : std::nullopt;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
