#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cnnrnn/core/error.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";

inline bool is_png(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= png_signature.size() &&
         std::ranges::equal(
             bytes.first(png_signature.size()), png_signature,
             [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

/// Goes through the chunks of a PNG file (ISO 15948, 5.3: length, type, data, check sum) and throws
/// FileError when one is longer than the file, the end is missing, or the picture's data begins
/// with an empty chunk, for which stb_image has no memory yet.
inline void check_png(std::span<const std::uint8_t> bytes, const std::string& name) {
  constexpr std::size_t frame = 12;
  bool has_data = false;
  auto rest = bytes.subspan(png_signature.size());
  std::string type;
  while (type != "IEND") {
    require<FileError>(rest.size() >= frame, name,
                       ": expected a whole PNG image, got a file without its end");
    std::size_t length = 0;
    for (const std::uint8_t byte : rest.first(4)) {
      length = length << 8 | byte;
    }
    type.assign(rest.begin() + 4, rest.begin() + 8);
    require<FileError>(length <= rest.size() - frame, name, ": expected a PNG chunk of at most ",
                       rest.size() - frame, " bytes, got ", length);
    has_data = has_data || (type == "IDAT" && length > 0);
    require<FileError>(has_data || type != "IDAT", name,
                       ": expected data in the first IDAT of a PNG image, got none");
    rest = rest.subspan(frame + length);
  }
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
