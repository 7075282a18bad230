#pragma once

#if !defined(_WIN32)

#include <filesystem>
#include <string>
#include <system_error>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline std::filesystem::path to_path(const std::string& name) { return name; }

inline std::string to_name(const std::filesystem::path& path) { return path.string(); }

inline void make_folders(const std::string& name, std::error_code& error) {
  std::filesystem::create_directories(name, error);
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
