#pragma once

#if !defined(_WIN32)

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>

#include "cnnrnn/system/file_status.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline std::string reason(std::error_code error) { return error.message(); }

/// The result of a call, made again where a signal interrupts it, and why it is negative.
template <class Call>
auto checked(std::error_code& error, const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  error = result < 0 ? std::error_code(errno, std::generic_category()) : std::error_code();
  return result;
}

inline int open_file(const std::string& path, std::error_code& error) {
  return checked(error, [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
}

inline int create_file(const std::string& path, std::error_code& error) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  return checked(error, [&] { return ::open(path.c_str(), flags, 0666); });
}

inline std::ptrdiff_t read_some(int file, void* to, std::size_t bytes, std::error_code& error) {
  return checked(error, [&] { return ::read(file, to, bytes); });
}

inline std::ptrdiff_t write_some(int file, const void* from, std::size_t bytes,
                                 std::error_code& error) {
  return checked(error, [&] { return ::write(file, from, bytes); });
}

inline void sync_file(int file, std::error_code& error) {
  checked(error, [&] { return ::fsync(file); });
}

/// A file that a signal interrupts here is closed all the same.
inline void close_file(int file, std::error_code& error) {
  const bool failed = ::close(file) != 0;
  error = failed ? std::error_code(errno, std::generic_category()) : std::error_code();
}

inline FileStatus to_file_status(const struct ::stat& status) {
  const FileKind kind = S_ISREG(status.st_mode)   ? FileKind::regular
                        : S_ISDIR(status.st_mode) ? FileKind::folder
                                                  : FileKind::other;
  return {kind, static_cast<std::uint64_t>(status.st_size)};
}

inline FileStatus status_of(int file, std::error_code& error) {
  struct ::stat status {};
  return checked(error, [&] { return ::fstat(file, &status); }) < 0 ? FileStatus()
                                                                    : to_file_status(status);
}

inline FileKind kind_of_file(const std::string& path) {
  struct ::stat status {};
  return ::stat(path.c_str(), &status) != 0 ? FileKind::none : to_file_status(status).kind;
}

inline void replace_file(const std::string& from, const std::string& to, std::error_code& error) {
  checked(error, [&] { return std::rename(from.c_str(), to.c_str()); });
}

/// A new name is on the disk only when its folder is. Some file systems cannot sync one.
inline void sync_folder_of(const std::string& path, std::error_code& error) {
  const auto slash = path.rfind('/');
  const int folder = open_file(slash == std::string::npos ? "." : path.substr(0, slash + 1), error);
  if (folder < 0) {
    error.clear();
    return;
  }
  std::error_code ignored;
  sync_file(folder, error);
  close_file(folder, ignored);
  if (error == std::errc::invalid_argument) {
    error.clear();
  }
}

inline void remove_file(const std::string& path, std::error_code& error) {
  checked(error, [&] { return ::unlink(path.c_str()); });
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
