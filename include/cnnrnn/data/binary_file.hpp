#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Whether there is something of that name that can be opened for reading and is no folder.
inline bool is_readable_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  return file != nullptr && (std::fgetc(file.get()) != EOF || std::ferror(file.get()) == 0);
}

/// A file that is open for reading and whose size is known before anything is read from it.
class BinaryFile {
 public:
  /// Throws FileError when it cannot be opened, with the system's reason.
  explicit BinaryFile(std::string path)
      : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rb"), &std::fclose) {
    require<FileError>(file_ != nullptr, "cannot open ", path_, ": ", reason());
    // A folder can be opened, but not read.
    errno = 0;
    const bool readable = std::fgetc(file_.get()) != EOF || std::ferror(file_.get()) == 0;
    require<FileError>(readable, "cannot read ", path_, ": ", reason());
    const bool sought = std::fseek(file_.get(), 0, SEEK_END) == 0;
    size_ = sought ? std::ftell(file_.get()) : -1;
    require<FileError>(size_ >= 0 && std::fseek(file_.get(), 0, SEEK_SET) == 0,
                       "cannot find the size of ", path_, ": ", reason());
  }

  const std::string& path() const { return path_; }
  Index size() const { return size_; }

  /// Throws FileError unless the file has exactly `bytes` bytes, which are `what`.
  void expect_size(Index bytes, const std::string& what) const {
    require<FileError>(size_ == bytes, path_, ": expected ", bytes, " bytes (", what, "), got ",
                       size_);
  }

  /// The next bytes, as many as fit. Throws FileError when there are fewer.
  void read(std::span<std::uint8_t> bytes) {
    errno = 0;
    const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file_.get());
    require<FileError>(std::ferror(file_.get()) == 0, "cannot read ", path_, ": ", reason());
    require<FileError>(count == bytes.size(), path_, ": expected ", bytes.size(),
                       " more bytes, got ", count);
  }

 private:
  static std::string reason() { return std::generic_category().message(errno); }

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  Index size_ = 0;
};

/// The whole file. Throws FileError when it cannot be read or has more than `most` bytes.
inline std::vector<std::uint8_t> read_file(const std::string& path, Index most) {
  BinaryFile file(path);
  require<FileError>(file.size() <= most, path, ": expected at most ", most, " bytes, got ",
                     file.size());
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file.size()));
  file.read(bytes);
  return bytes;
}

}  // namespace data
CNNRNN_NAMESPACE_END
