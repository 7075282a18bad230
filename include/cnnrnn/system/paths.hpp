#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "cnnrnn/system/posix/paths.hpp"
#include "cnnrnn/system/windows/paths.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// The name of a file, in UTF-8 as everywhere in the library, for std::filesystem.
inline std::filesystem::path to_path(const std::string& name) { return detail::to_path(name); }

/// And back; / stands between folders on Windows too.
inline std::string to_name(const std::filesystem::path& path) { return detail::to_name(path); }

/// Makes a folder and those above it that are missing.
inline void make_folders(const std::string& name, std::error_code& error) {
  detail::make_folders(name, error);
}

}  // namespace os
CNNRNN_NAMESPACE_END
