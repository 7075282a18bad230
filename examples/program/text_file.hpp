#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cnnrnn/io/file.hpp"
#include "cnnrnn/system/paths.hpp"

namespace program {

/// Reads a text file. Throws FileError.
inline std::string read_text(const std::string& path) {
  cnnrnn::io::InputFile file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

/// A text as a field of a CSV file: in quotes where it needs them (RFC 4180).
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string field = "\"";
  for (const char c : text) {
    field += c == '"' ? "\"\"" : std::string(1, c);
  }
  return field + '"';
}

/// Makes a folder and those above it. Throws FileError.
inline void make_folder(const std::string& path) {
  std::error_code error;
  cnnrnn::os::make_folders(path, error);
  cnnrnn::require<cnnrnn::FileError>(!error, path,
                                     ": cannot make the folder: ", cnnrnn::os::reason(error));
}

}  // namespace program
