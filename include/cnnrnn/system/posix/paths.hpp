#pragma once

#if !defined(_WIN32)

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline std::filesystem::path to_path(const std::string& name) { return name; }

inline std::string to_name(const std::filesystem::path& path) { return path.string(); }

inline void make_folders(const std::string& name, std::error_code& error) {
  std::filesystem::create_directories(name, error);
}

inline std::vector<std::string> names_in_folder(const std::string& folder, std::error_code& error) {
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename());
  }
  return names;
}

inline bool is_folder(const std::string& name, std::error_code& error) {
  return std::filesystem::is_directory(name, error);
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
