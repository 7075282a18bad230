#pragma once

#include <cstdio>
#include <optional>

#include "cnnrnn/system/posix/terminal.hpp"
#include "cnnrnn/system/windows/terminal.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// Whether a stream is a terminal, which obeys ANSI's sequences such as "\x1b[K".
inline bool is_terminal(std::FILE* stream) { return detail::is_terminal(stream); }

/// The columns of the terminal that a stream is; none where they are not known.
inline std::optional<int> terminal_width(std::FILE* stream) {
  return detail::terminal_width(stream);
}

}  // namespace os
CNNRNN_NAMESPACE_END
