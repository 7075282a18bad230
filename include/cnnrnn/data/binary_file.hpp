#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

namespace detail {

struct OpenedFile {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{nullptr, &std::fclose};
  Index bytes = 0;
};

/// Opens a file for reading, without waiting for the other end if it is a pipe. No stream, and the
/// reason in errno, when it is missing, unreadable or, with EISDIR or EINVAL, no regular file.
inline OpenedFile open_regular(const std::string& path) {
  OpenedFile file;
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0) {
    return file;
  }
  struct ::stat status {};
  const bool known = ::fstat(number, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    file.bytes = status.st_size;
    file.stream.reset(::fdopen(number, "rb"));
    if (file.stream != nullptr) {
      return file;
    }
  } else if (known) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  }
  const int reason = errno;
  ::close(number);
  errno = reason;
  return file;
}

}  // namespace detail

/// What unpacking a file of so many bytes may take in memory: 32 times as much, or 88 MiB if that
/// is more. A small file from a stranger cannot take all of the machine.
inline Index most_memory(Index file_bytes) {
  constexpr Index always = Index{88} << 20;
  return file_bytes > std::numeric_limits<Index>::max() / 32 ? std::numeric_limits<Index>::max()
                                                             : std::max(always, 32 * file_bytes);
}

/// Whether there is a regular file of that name that can be opened for reading.
inline bool is_readable_file(const std::string& path) {
  return detail::open_regular(path).stream != nullptr;
}

/// A file that is open for reading and whose size is known before anything is read from it.
class BinaryFile {
 public:
  /// Throws FileError when it cannot be opened, with the system's reason.
  explicit BinaryFile(std::string path)
      : path_(std::move(path)), file_(detail::open_regular(path_)) {
    const bool opened = file_.stream != nullptr;
    require<FileError>(opened || errno != EISDIR, "cannot read ", path_, ": ", reason());
    require<FileError>(opened || errno != EINVAL, path_,
                       ": expected a regular file, got a pipe or a device");
    require<FileError>(opened, "cannot open ", path_, ": ", reason());
  }

  /// The path that the file was opened by.
  const std::string& path() const { return path_; }

  /// The size of the file in bytes.
  Index size() const { return file_.bytes; }

  /// Throws FileError unless the file has exactly `bytes` bytes, which are `what`.
  void expect_size(Index bytes, const std::string& what) const {
    require<FileError>(size() == bytes, path_, ": expected ", bytes, " bytes (", what, "), got ",
                       size());
  }

  /// The next bytes, as many as fit. Throws FileError when there are fewer.
  void read(std::span<std::uint8_t> bytes) {
    errno = 0;
    const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file_.stream.get());
    require<FileError>(std::ferror(file_.stream.get()) == 0, "cannot read ", path_, ": ", reason());
    require<FileError>(count == bytes.size(), path_, ": expected ", bytes.size(),
                       " more bytes, got ", count);
  }

 private:
  static std::string reason() { return std::generic_category().message(errno); }

  std::string path_;
  detail::OpenedFile file_;
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
