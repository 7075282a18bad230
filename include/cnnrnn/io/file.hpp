#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/system/files.hpp"
#include "cnnrnn/system/process.hpp"

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

inline void expect(std::error_code error, const std::string& path, std::string_view what) {
  require<FileError>(!error, path, ": ", what, ": ", os::reason(error));
}

}  // namespace detail

/// A regular file, read from its beginning.
class InputFile {
 public:
  /// Opens the file. Throws FileError when it is missing, unreadable or not a regular file.
  explicit InputFile(std::string path) : path_(std::move(path)) {
    std::error_code error;
    file_ = os::File::open(path_, error);
    const os::FileStatus status = error ? os::FileStatus() : file_.status(error);
    detail::expect(error, path_, "cannot open");
    require<FileError>(status.kind == os::FileKind::regular, path_,
                       ": expected a regular file, got a folder, a pipe or a device");
    size_ = status.bytes;
  }

  /// The path that the file was opened by.
  const std::string& path() const { return path_; }

  /// Bytes in the file when it was opened.
  std::uint64_t size() const { return size_; }

  /// Fills `to` with the next bytes. Throws FileError when there are fewer.
  void read(std::span<std::byte> to) {
    std::error_code error;
    const std::size_t count = file_.read(to, error);
    detail::expect(error, path_, "cannot read");
    require<FileError>(count == to.size(), path_, ": expected ", to.size() - count,
                       " more bytes, got the end");
  }

 private:
  std::string path_;
  os::File file_;
  std::uint64_t size_ = 0;
};

/// A file that appears under its name whole or not at all: it grows under a temporary name in the
/// same folder, and `commit` puts it in place of the old one. Without a commit, the temporary file
/// goes away and the old file stays as it was. A symbolic link is replaced, not followed.
class AtomicFile {
 public:
  /// Throws FileError when the folder cannot be written or `path` is not a regular file.
  explicit AtomicFile(std::string path) : path_(std::move(path)) { open_temporary(); }
  ~AtomicFile() {
    if (!temporary_.empty()) {
      std::error_code ignored;
      file_.close();
      os::remove_file(temporary_, ignored);
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Throws FileError with the system's reason, such as a full disk.
  void write(std::span<const std::byte> from) {
    std::error_code error;
    file_.write(from, error);
    detail::expect(error, path_, "cannot write");
  }

  /// Waits until the bytes are on the disk, then gives the file its name. Throws FileError.
  void commit() {
    std::error_code error;
    file_.sync(error);
    detail::expect(error, path_, "cannot write");
    detail::expect(file_.close(), path_, "cannot write");
    os::replace_file(temporary_, path_, error);
    detail::expect(error, path_, "cannot replace");
    temporary_.clear();
    os::sync_folder_of(path_, error);
    detail::expect(error, path_, "cannot sync its folder");
  }

 private:
  void open_temporary() {
    const os::FileKind kind = os::kind_of_file(path_);
    require<FileError>(
        kind == os::FileKind::regular || kind == os::FileKind::none, path_,
        ": expected a regular file to replace, or none, got a folder, a pipe or a device");
    constexpr int attempts = 1000;
    std::error_code error = std::make_error_code(std::errc::file_exists);
    for (int attempt = 0; error == std::errc::file_exists && attempt < attempts; ++attempt) {
      std::string name = to_message(path_, ".tmp.", os::process_id(), '.', attempt);
      file_ = os::File::create(name, error);
      if (!error) {
        temporary_ = std::move(name);
      }
    }
    detail::expect(error, path_, "cannot create a file in its folder");
  }

  std::string path_;
  std::string temporary_;
  os::File file_;
};

/// Writes a text file, whole or not at all. Throws FileError.
inline void write_text(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(bytes_of(text));
  file.commit();
}

}  // namespace io
CNNRNN_NAMESPACE_END
