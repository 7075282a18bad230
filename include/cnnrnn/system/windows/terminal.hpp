#pragma once

#if defined(_WIN32)

#include <io.h>

#include <array>
#include <cstdio>
#include <optional>

#include "cnnrnn/system/windows/api.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline void* console_of(std::FILE* stream) {
  return reinterpret_cast<void*>(_get_osfhandle(_fileno(stream)));
}

/// A console obeys ANSI's sequences when it is told to, from Windows 10 on.
inline bool is_terminal(std::FILE* stream) {
  constexpr unsigned long processed_output = 1, virtual_terminal = 4;
  unsigned long mode = 0;
  void* const console = console_of(stream);
  return GetConsoleMode(console, &mode) != 0 &&
         SetConsoleMode(console, mode | processed_output | virtual_terminal) != 0;
}

inline std::optional<int> terminal_width(std::FILE* stream) {
  std::array<short, 11> info{};  // CONSOLE_SCREEN_BUFFER_INFO; 5 and 7 are its window's edges
  const bool known =
      GetConsoleScreenBufferInfo(console_of(stream),
                                 reinterpret_cast<_CONSOLE_SCREEN_BUFFER_INFO*>(info.data())) != 0;
  return known ? std::optional<int>(info[7] - info[5] + 1) : std::nullopt;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
