#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/system/files.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// What unpacking a file of so many bytes may take in memory: 32 times as much, or 88 MiB if that
/// is more. A small file from a stranger cannot take all of the machine.
inline Index most_memory(Index file_bytes) {
  constexpr Index always = Index{88} << 20;
  return file_bytes > std::numeric_limits<Index>::max() / 32 ? std::numeric_limits<Index>::max()
                                                             : std::max(always, 32 * file_bytes);
}

/// Whether there is a regular file of that name that can be opened for reading.
inline bool is_readable_file(const std::string& path) {
  std::error_code error;
  const auto file = os::File::open(path, error);
  return file.is_open() && file.status(error).kind == os::FileKind::regular;
}

/// A file that is open for reading and whose size is known before anything is read from it.
class BinaryFile {
 public:
  /// Throws FileError when it cannot be opened, with the system's reason.
  explicit BinaryFile(std::string path) : path_(std::move(path)) {
    std::error_code error;
    file_ = os::File::open(path_, error);
    const os::FileStatus status = error ? os::FileStatus() : file_.status(error);
    require<FileError>(!error, "cannot open ", path_, ": ", os::reason(error));
    require<FileError>(status.kind != os::FileKind::folder, "cannot read ", path_, ": ",
                       os::reason(std::make_error_code(std::errc::is_a_directory)));
    require<FileError>(status.kind == os::FileKind::regular, path_,
                       ": expected a regular file, got a pipe or a device");
    size_ = static_cast<Index>(status.bytes);
  }

  /// The path that the file was opened by.
  const std::string& path() const { return path_; }

  /// The size of the file in bytes.
  Index size() const { return size_; }

  /// Throws FileError unless the file has exactly `bytes` bytes, which are `what`.
  void expect_size(Index bytes, const std::string& what) const {
    require<FileError>(size() == bytes, path_, ": expected ", bytes, " bytes (", what, "), got ",
                       size());
  }

  /// The next bytes, as many as fit. Throws FileError when there are fewer.
  void read(std::span<std::uint8_t> bytes) {
    std::error_code error;
    const std::size_t count = file_.read(std::as_writable_bytes(bytes), error);
    require<FileError>(!error, "cannot read ", path_, ": ", os::reason(error));
    require<FileError>(count == bytes.size(), path_, ": expected ", bytes.size(),
                       " more bytes, got ", count);
  }

 private:
  std::string path_;
  os::File file_;
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
