#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "cnnrnn/core/namespace.hpp"
#include "cnnrnn/system/paths.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The kinds of image files that decode_image reads, for messages and help texts.
inline constexpr std::string_view image_formats = "PNG, JPEG, BMP, GIF, PPM, PGM or TGA";

/// How the names of such files end, in lower case.
inline constexpr std::array<std::string_view, 11> image_suffixes{
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".ppm", ".pgm", ".pnm", ".tga"};

/// The letters A to Z as small ones.
inline std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return text;
}

/// The end of a file's name from its last dot, in lower case.
inline std::string lower_suffix(const std::filesystem::path& path) {
  return lower_case(os::to_name(path.extension()));
}

/// Whether a file's name ends like that of an image that can be read, in letters of any case.
inline bool has_image_suffix(const std::filesystem::path& path) {
  return std::ranges::find(image_suffixes, lower_suffix(path)) != image_suffixes.end();
}

/// The suffixes with commas between them, for messages.
inline std::string joined_image_suffixes() {
  std::string text;
  for (const std::string_view suffix : image_suffixes) {
    text.append(text.empty() ? "" : ", ").append(suffix);
  }
  return text;
}

}  // namespace data
CNNRNN_NAMESPACE_END
