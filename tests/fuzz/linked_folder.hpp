#pragma once

#include <stdlib.h>

#include <filesystem>
#include <initializer_list>
#include <string>

#include "fuzz/memory_file.hpp"

/// A folder in which one file has several names, for readers that want a folder.
class LinkedFolder {
 public:
  explicit LinkedFolder(std::initializer_list<const char*> names) {
    std::string name = (std::filesystem::temp_directory_path() / "cnnrnn_XXXXXX").string();
    cnnrnn::require<cnnrnn::Error>(::mkdtemp(name.data()) != nullptr, "fuzz: cannot make ", name);
    path_ = name;
    for (const char* link : names) {
      std::filesystem::create_symlink(file_.path(), path_ / link);
    }
  }
  ~LinkedFolder() { std::filesystem::remove_all(path_); }
  LinkedFolder(const LinkedFolder&) = delete;
  LinkedFolder& operator=(const LinkedFolder&) = delete;

  std::string path() const { return path_.string(); }
  void fill(std::span<const std::uint8_t> bytes) { file_.fill(bytes); }

 private:
  MemoryFile file_;
  std::filesystem::path path_;
};
