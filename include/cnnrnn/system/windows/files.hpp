#pragma once

#if defined(_WIN32)

#include <fcntl.h>
#include <io.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "cnnrnn/system/file_status.hpp"
#include "cnnrnn/system/windows/text.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

/// That of the last call to Windows itself.
inline std::error_code last_error() {
  return {static_cast<int>(GetLastError()), std::system_category()};
}

/// Windows' own words come in the user's language and code page.
inline std::string reason(std::error_code error) {
  constexpr int sharing_violation = 32;
  const std::string text = error.default_error_condition().message();
  return error == std::error_code(sharing_violation, std::system_category())
             ? text + " (another program has it open)"
             : text;
}

/// The result of a call to the C library, and why it is negative.
template <class Result>
Result checked(std::error_code& error, Result result) {
  error = result < 0 ? std::error_code(errno, std::generic_category()) : std::error_code();
  return result;
}

inline constexpr unsigned long generic_read = 0x80000000, generic_write = 0x40000000;

/// Opens or makes a file that others may read, rename and remove meanwhile, as on other systems.
inline int open_shared(const std::string& path, unsigned long access, unsigned long how, int flags,
                       std::error_code& error) {
  constexpr unsigned long share_all = 7, allow_folders = 0x02000000;
  void* const handle = CreateFileW(to_wide_path(path).c_str(), access, share_all, nullptr, how,
                                   allow_folders, nullptr);
  if (handle == reinterpret_cast<void*>(-1)) {
    error = last_error();
    return -1;
  }
  const int file = _open_osfhandle(reinterpret_cast<std::intptr_t>(handle), flags | _O_BINARY);
  if (checked(error, file) < 0) {
    CloseHandle(handle);
  }
  return file;
}

inline int open_file(const std::string& path, std::error_code& error) {
  constexpr unsigned long existing = 3;
  return open_shared(path, generic_read, existing, _O_RDONLY, error);
}

inline int create_file(const std::string& path, std::error_code& error) {
  constexpr unsigned long new_one = 1;
  return open_shared(path, generic_write, new_one, _O_WRONLY, error);
}

inline std::ptrdiff_t read_some(int file, void* to, std::size_t bytes, std::error_code& error) {
  return checked(error, _read(file, to, static_cast<unsigned>(bytes)));
}

inline std::ptrdiff_t write_some(int file, const void* from, std::size_t bytes,
                                 std::error_code& error) {
  return checked(error, _write(file, from, static_cast<unsigned>(bytes)));
}

inline void sync_file(int file, std::error_code& error) { checked(error, _commit(file)); }

inline void close_file(int file, std::error_code& error) { checked(error, _close(file)); }

inline FileKind kind_of(unsigned long attributes) {
  constexpr unsigned long none = 0xffffffff, folder = 0x10, device = 0x40;
  return attributes == none           ? FileKind::none
         : (attributes & folder) != 0 ? FileKind::folder
         : (attributes & device) != 0 ? FileKind::other
                                      : FileKind::regular;
}

/// A device such as NUL has the attributes of a file until it is opened.
inline FileKind kind_of_file(const std::string& path) {
  constexpr unsigned long share_all = 7, existing = 3, allow_folders = 0x02000000, on_disk = 1;
  const std::wstring wide = to_wide_path(path);
  void* const handle =
      CreateFileW(wide.c_str(), 0, share_all, nullptr, existing, allow_folders, nullptr);
  const bool opened = handle != reinterpret_cast<void*>(-1);
  const bool other = opened && GetFileType(handle) != on_disk;
  if (opened) {
    CloseHandle(handle);
  }
  return other ? FileKind::other : kind_of(GetFileAttributesW(wide.c_str()));
}

inline FileStatus status_of(int file, std::error_code& error) {
  constexpr unsigned long on_disk = 1;
  auto* const handle = reinterpret_cast<void*>(_get_osfhandle(file));
  error.clear();
  if (GetFileType(handle) != on_disk) {
    return {FileKind::other, 0};
  }
  std::array<unsigned long, 13> information{};  // BY_HANDLE_FILE_INFORMATION
  if (GetFileInformationByHandle(
          handle, reinterpret_cast<_BY_HANDLE_FILE_INFORMATION*>(information.data())) == 0) {
    error = last_error();
    return {};
  }
  return {kind_of(information[0]), std::uint64_t{information[8]} << 32 | information[9]};
}

/// Renames a file over another that programs may have open, from Windows 10 on, on NTFS.
inline bool replace_open_file(const std::wstring& from, const std::wstring& to) {
  struct Rename {  // FILE_RENAME_INFO
    unsigned long flags;
    void* folder;
    unsigned long bytes;
    wchar_t name[2];
  };
  constexpr unsigned long may_delete = 0x10000, share_all = 7, existing = 3,
                          allow_folders = 0x02000000, write_through = 0x80000000;
  constexpr unsigned long replace = 1, though_open = 2;
  constexpr int rename_extended = 22;
  using Set = int __stdcall(void*, int, void*, unsigned long);
  static auto* const set = kernel_function<Set>("SetFileInformationByHandle");
  void* const file = CreateFileW(from.c_str(), may_delete, share_all, nullptr, existing,
                                 allow_folders | write_through, nullptr);
  if (set == nullptr || file == reinterpret_cast<void*>(-1)) {
    return false;
  }
  const Rename rename{
      replace | though_open, nullptr, static_cast<unsigned long>(to.size() * sizeof(wchar_t)), {}};
  std::vector<char> bytes(sizeof(rename) + to.size() * sizeof(wchar_t));
  std::memcpy(bytes.data(), &rename, sizeof(rename));
  std::memcpy(bytes.data() + offsetof(Rename, name), to.c_str(), to.size() * sizeof(wchar_t));
  const bool done =
      set(file, rename_extended, bytes.data(), static_cast<unsigned long>(bytes.size())) != 0;
  CloseHandle(file);
  return done;
}

/// Scanners of viruses and indexers open what is new for a moment, so this tries for two seconds.
inline void replace_file(const std::string& from, const std::string& to, std::error_code& error) {
  constexpr unsigned long replace = 1, write_through = 8, milliseconds = 20;
  constexpr int attempts = 100;
  const std::wstring wide_from = to_wide_path(from);
  const std::wstring wide_to = to_wide_path(to);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    error.clear();
    if (replace_open_file(wide_from, wide_to) ||
        MoveFileExW(wide_from.c_str(), wide_to.c_str(), replace | write_through) != 0) {
      return;
    }
    error = last_error();
    if (error != std::errc::permission_denied) {
      return;
    }
    Sleep(milliseconds);
  }
}

/// The new name is on the disk when it is given.
inline void sync_folder_of(const std::string&, std::error_code& error) { error.clear(); }

inline void remove_file(const std::string& path, std::error_code& error) {
  error = DeleteFileW(to_wide_path(path).c_str()) != 0 ? std::error_code() : last_error();
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
