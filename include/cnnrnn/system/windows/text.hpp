#pragma once

#if defined(_WIN32)

#include <string>
#include <string_view>

#include "cnnrnn/system/windows/api.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

inline constexpr unsigned utf8 = 65001;  // a code page

/// UTF-8 as Windows takes it; what is not UTF-8 becomes U+FFFD.
inline std::wstring to_wide(std::string_view text) {
  const int bytes = static_cast<int>(text.size());
  std::wstring wide(text.size(), L'\0');
  wide.resize(static_cast<std::size_t>(
      MultiByteToWideChar(utf8, 0, text.data(), bytes, wide.data(), bytes)));
  return wide;
}

inline std::string to_utf8(std::wstring_view wide) {
  const int count = static_cast<int>(wide.size());
  std::string text(3 * wide.size(), '\0');
  text.resize(static_cast<std::size_t>(WideCharToMultiByte(
      utf8, 0, wide.data(), count, text.data(), static_cast<int>(text.size()), nullptr, nullptr)));
  return text;
}

/// A file's name in UTF-8 as Windows takes it. A long one needs the prefix that lifts the limit of
/// 260 characters, which stands only before a whole path.
inline std::wstring to_wide_path(const std::string& path) {
  constexpr std::size_t longest_for_all = 240;  // a folder leaves room for a name of 12
  const std::wstring wide = to_wide(path);
  if (wide.size() < longest_for_all || wide.starts_with(LR"(\\?\)")) {
    return wide;
  }
  std::wstring whole(GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr), L'\0');
  whole.resize(GetFullPathNameW(wide.c_str(), static_cast<unsigned long>(whole.size()),
                                whole.data(), nullptr));
  const bool of_network = whole.starts_with(LR"(\\)");
  return of_network ? LR"(\\?\UNC)" + whole.substr(1) : LR"(\\?\)" + whole;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
