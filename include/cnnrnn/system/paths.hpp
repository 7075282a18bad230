#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "cnnrnn/system/posix/paths.hpp"
#include "cnnrnn/system/windows/paths.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// The name of a file, in UTF-8 as everywhere in the library, for std::filesystem.
inline std::filesystem::path to_path(const std::string& name) { return detail::to_path(name); }

/// And back; / stands between folders on Windows too.
inline std::string to_name(const std::filesystem::path& path) { return detail::to_name(path); }

/// The name of something in a folder.
inline std::string joined(const std::string& folder, const std::string& name) {
  return to_name(to_path(folder) / to_path(name));
}

/// Makes a folder and those above it that are missing.
inline void make_folders(const std::string& name, std::error_code& error) {
  detail::make_folders(name, error);
}

/// The names of what is in a folder, in any order.
inline std::vector<std::string> names_in_folder(const std::string& folder, std::error_code& error) {
  return detail::names_in_folder(folder, error);
}

/// Whether this is a folder, or a link to one; the error says why a link leads nowhere,
/// where the system tells.
inline bool is_folder(const std::string& name, std::error_code& error) {
  return detail::is_folder(name, error);
}

}  // namespace os
CNNRNN_NAMESPACE_END
