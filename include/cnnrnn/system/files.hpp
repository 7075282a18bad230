#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "cnnrnn/system/file_status.hpp"
#include "cnnrnn/system/posix/files.hpp"
#include "cnnrnn/system/windows/files.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What the library asks of the operating system. Names of files are in UTF-8, on Windows too.
namespace os {

/// Why something failed: C's words where it has some, whatever the system.
inline std::string reason(std::error_code error) { return detail::reason(error); }

/// What has this name; links are followed.
inline FileKind kind_of_file(const std::string& path) { return detail::kind_of_file(path); }

/// An open file, closed at the end of its scope.
class File {
 public:
  File() = default;
  ~File() { close(); }
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// Opens a file for reading, without waiting for the other end if it is a pipe. Others may
  /// replace it meanwhile.
  static File open(const std::string& path, std::error_code& error) {
    return File(detail::open_file(path, error));
  }
  /// Makes a file for writing; std::errc::file_exists if there is one of that name.
  static File create(const std::string& path, std::error_code& error) {
    return File(detail::create_file(path, error));
  }

  bool is_open() const { return number_ >= 0; }
  FileStatus status(std::error_code& error) const { return detail::status_of(number_, error); }

  /// Fills `to`, or as much as there is before the end of the file; returns how many bytes.
  std::size_t read(std::span<std::byte> to, std::error_code& error) {
    error.clear();
    std::size_t count = 0;
    for (std::ptrdiff_t came = 1; came > 0 && count < to.size();
         count += static_cast<std::size_t>(std::max<std::ptrdiff_t>(came, 0))) {
      came = detail::read_some(number_, to.data() + count,
                               std::min(to.size() - count, largest_transfer), error);
    }
    return count;
  }

  void write(std::span<const std::byte> from, std::error_code& error) {
    error.clear();
    while (!from.empty()) {
      const auto went =
          detail::write_some(number_, from.data(), std::min(from.size(), largest_transfer), error);
      if (error) {
        return;
      }
      from = from.subspan(static_cast<std::size_t>(went));
    }
  }

  /// Waits until what was written is on the disk.
  void sync(std::error_code& error) { detail::sync_file(number_, error); }

  std::error_code close() {
    std::error_code error;
    if (is_open()) {
      detail::close_file(std::exchange(number_, -1), error);
    }
    return error;
  }

 private:
  static constexpr std::size_t largest_transfer = std::size_t{1} << 30;  // systems allow 2 GB

  explicit File(int number) : number_(number) {}

  int number_ = -1;
};

/// Gives a file the name of another, which it replaces: at any moment one of the two has it.
inline void replace_file(const std::string& from, const std::string& to, std::error_code& error) {
  detail::replace_file(from, to, error);
}

/// Waits until the name of a new file is on the disk.
inline void sync_folder_of(const std::string& path, std::error_code& error) {
  detail::sync_folder_of(path, error);
}

/// Removes a file; none of that name is no error.
inline void remove_file(const std::string& path, std::error_code& error) {
  detail::remove_file(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    error.clear();
  }
}

}  // namespace os
CNNRNN_NAMESPACE_END
