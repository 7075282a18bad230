#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "cnnrnn/io/file.hpp"

namespace program {

/// Reads a text file. Throws FileError.
inline std::string read_text(const std::string& path) {
  cnnrnn::io::InputFile file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

/// Makes a folder and those above it. Throws FileError.
inline void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  cnnrnn::require<cnnrnn::FileError>(!error, path, ": cannot make the folder: ", error.message());
}

}  // namespace program
