#pragma once

#if defined(_WIN32)

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

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

/// The standard library's lists the working folder in place of one whose name is longer.
inline std::vector<std::string> names_in_folder(const std::string& folder, std::error_code& error) {
  constexpr int file_not_found = 2;  // in the root of a disk without files
  constexpr int no_more_files = 18;
  std::array<unsigned, 148> found{};  // WIN32_FIND_DATAW; the name begins at byte 44
  auto* const data = reinterpret_cast<_WIN32_FIND_DATAW*>(found.data());
  std::vector<std::string> names;
  void* const search = FindFirstFileW(to_wide_path(folder + "/*").c_str(), data);
  const bool opened = search != reinterpret_cast<void*>(-1);
  error = opened ? std::error_code() : last_error();
  for (bool more = opened; more; more = FindNextFileW(search, data) != 0) {
    const std::wstring name = reinterpret_cast<const wchar_t*>(found.data() + 11);
    if (name != L"." && name != L"..") {
      names.push_back(to_utf8(name));
    }
  }
  if (opened) {
    if (const auto end = last_error(); end.value() != no_more_files) {
      error = end;
    }
    FindClose(search);
  } else if (error.value() == file_not_found) {
    error.clear();
  }
  return names;
}

inline bool is_folder(const std::string& name, std::error_code& error) {
  error.clear();
  return kind_of_file(name) == FileKind::folder;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
