#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/system/paths.hpp"
#include "cnnrnn/system/process.hpp"
#include "support/catch.hpp"

/// A new folder for the files of a test, gone with everything in it at the end of the scope.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    for (int attempt = 0; path_.empty(); ++attempt) {
      const auto name = cnnrnn::to_message("cnnrnn_", cnnrnn::os::process_id(), '_', attempt);
      const auto path = std::filesystem::temp_directory_path() / name;
      if (std::filesystem::create_directory(path)) {
        path_ = path;
      }
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path() const { return cnnrnn::os::to_name(path_); }
  std::string file(const std::string& name) const {
    return cnnrnn::os::to_name(path_ / cnnrnn::os::to_path(name));
  }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(path_), {});
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_bytes(const std::string& path) {
  const std::ifstream in(cnnrnn::os::to_path(path), std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(cnnrnn::os::to_path(path), std::ios::binary) << bytes;
}
