#pragma once

#if defined(_WIN32)

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "cnnrnn/system/windows/files.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline std::filesystem::path to_path(const std::string& name) { return to_wide(name); }

inline std::string to_name(const std::filesystem::path& path) {
  std::wstring wide = path.wstring();
  std::ranges::replace(wide, L'\\', L'/');
  return to_utf8(wide);
}

/// The standard library's refuses names of more than 260 characters.
inline void make_folders(const std::string& name, std::error_code& error) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = name.find_first_of("/\\", end + 1);
    const bool made = CreateDirectoryW(to_wide_path(name.substr(0, end)).c_str(), nullptr) != 0;
    error = made ? std::error_code() : last_error();
  }
  if (kind_of_file(name) == FileKind::folder) {
    error.clear();
  }
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
