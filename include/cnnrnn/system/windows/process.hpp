#pragma once

#if defined(_WIN32)

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/system/windows/text.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline long process_id() { return static_cast<long>(GetCurrentProcessId()); }

inline void at_fork(void (*)(), void (*)(), void (*)()) {}

inline std::optional<std::string> environment(const std::string& name) {
  const wchar_t* const value = _wgetenv(to_wide(name).c_str());
  return value != nullptr ? std::optional<std::string>(to_utf8(value)) : std::nullopt;
}

/// argv has them in a code page that lacks most characters.
inline std::vector<std::string> utf8_arguments(int, const char* const*) {
  SetConsoleOutputCP(utf8);
  int count = 0;
  wchar_t** const all = CommandLineToArgvW(GetCommandLineW(), &count);
  std::vector<std::string> arguments;
  for (int i = 0; i < count; ++i) {
    arguments.push_back(to_utf8(all[i]));
  }
  LocalFree(all);
  return arguments;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
