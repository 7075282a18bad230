#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cnnrnn/core/error.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace io {

/// The bytes of numbers as they lie in memory.
template <class T>
std::span<const std::byte> bytes_of(std::span<const T> values) {
  return std::as_bytes(values);
}

/// The bytes of a text.
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

namespace detail {

[[noreturn]] inline void fail(const std::string& path, std::string_view what, int error) {
  throw FileError(to_message(path, ": ", what, ": ", std::generic_category().message(error)));
}

/// An open file, closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int close() { return is_open() ? ::close(std::exchange(number_, -1)) : 0; }

 private:
  int number_;
};

// The system transfers at most 2 GB at once and may stop at a signal.
inline constexpr std::size_t largest_transfer = std::size_t{1} << 30;

}  // namespace detail

/// A regular file, read from its beginning.
class InputFile {
 public:
  /// Opens the file. Throws FileError when it is missing, unreadable or not a regular file.
  explicit InputFile(std::string path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct ::stat status {};
    if (!file_.is_open() || ::fstat(file_.number(), &status) != 0) {
      detail::fail(path_, "cannot open", errno);
    }
    require<FileError>(S_ISREG(status.st_mode), path_,
                       ": expected a regular file, got a folder, a pipe or a device");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  /// The path that the file was opened by.
  const std::string& path() const { return path_; }

  /// Bytes in the file when it was opened.
  std::uint64_t size() const { return size_; }

  /// Fills `to` with the next bytes. Throws FileError when there are fewer.
  void read(std::span<std::byte> to) {
    while (!to.empty()) {
      const auto count =
          ::read(file_.number(), to.data(), std::min(to.size(), detail::largest_transfer));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        detail::fail(path_, "cannot read", errno);
      }
      require<FileError>(count > 0, path_, ": expected ", to.size(), " more bytes, got the end");
      to = to.subspan(static_cast<std::size_t>(count));
    }
  }

 private:
  std::string path_;
  detail::Descriptor file_;
  std::uint64_t size_ = 0;
};

/// A file that appears under its name whole or not at all: it grows under a temporary name in the
/// same folder, and `commit` puts it in place of the old one. Without a commit, the temporary file
/// goes away and the old file stays as it was. A symbolic link is replaced, not followed.
class AtomicFile {
 public:
  /// Throws FileError when the folder cannot be written or `path` is not a regular file.
  explicit AtomicFile(std::string path) : path_(std::move(path)), file_(open_temporary()) {}
  ~AtomicFile() {
    if (!temporary_.empty()) {
      ::unlink(temporary_.c_str());
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Throws FileError with the system's reason, such as a full disk.
  void write(std::span<const std::byte> from) {
    while (!from.empty()) {
      const auto count =
          ::write(file_.number(), from.data(), std::min(from.size(), detail::largest_transfer));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        detail::fail(path_, "cannot write", errno);
      }
      from = from.subspan(static_cast<std::size_t>(count));
    }
  }

  /// Waits until the bytes are on the disk, then gives the file its name. Throws FileError.
  void commit() {
    if (::fsync(file_.number()) != 0 || file_.close() != 0) {
      detail::fail(path_, "cannot write", errno);
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      detail::fail(path_, "cannot replace", errno);
    }
    temporary_.clear();
    sync_folder();
  }

 private:
  std::string folder() const {
    const auto slash = path_.rfind('/');
    return slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  }

  int open_temporary() {
    struct ::stat status {};
    require<FileError>(
        ::stat(path_.c_str(), &status) != 0 || S_ISREG(status.st_mode), path_,
        ": expected a regular file to replace, or none, got a folder, a pipe or a device");
    constexpr int attempts = 1000;
    for (int attempt = 0; attempt < attempts; ++attempt) {
      std::string name = to_message(path_, ".tmp.", ::getpid(), '.', attempt);
      const int number = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (number >= 0) {
        temporary_ = std::move(name);
        return number;
      }
      if (errno != EEXIST) {
        break;
      }
    }
    detail::fail(path_, "cannot create a file in its folder", errno);
  }

  // The new name is on the disk only when the folder is. Some file systems cannot sync a folder.
  void sync_folder() const {
    const detail::Descriptor folder(::open(this->folder().c_str(), O_RDONLY | O_CLOEXEC));
    if (folder.is_open() && ::fsync(folder.number()) != 0 && errno != EINVAL) {
      detail::fail(path_, "cannot sync its folder", errno);
    }
  }

  std::string path_;
  std::string temporary_;
  detail::Descriptor file_;
};

/// Writes a text file, whole or not at all. Throws FileError.
inline void write_text(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(bytes_of(text));
  file.commit();
}

}  // namespace io
CNNRNN_NAMESPACE_END
