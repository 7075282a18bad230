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

/// One chunk of a PNG file (ISO 15948, 5.3): length, type, data, check sum.
struct PngChunk {
  static constexpr std::size_t frame = 12;

  /// Reads length and type at the beginning of `rest`, which holds at least the frame.
  explicit PngChunk(std::span<const std::uint8_t> rest) : type(rest.begin() + 4, rest.begin() + 8) {
    for (const std::uint8_t byte : rest.first(4)) {
      length = length << 8 | byte;
    }
  }

  std::string type;
  std::size_t length = 0;
};

/// Goes through the chunks of a PNG file and throws FileError when one is longer than the file, the
/// end is missing, there are two palettes, or the picture's data begins with an empty chunk, for
/// which stb_image has no memory yet.
inline void check_png(std::span<const std::uint8_t> bytes, const std::string& name) {
  bool has_data = false;
  int palettes = 0;
  bool ended = false;
  for (auto rest = bytes.subspan(png_signature.size()); !ended;) {
    require<FileError>(rest.size() >= PngChunk::frame, name,
                       ": expected a whole PNG image, got a file without its end");
    const PngChunk chunk(rest);
    require<FileError>(chunk.length <= rest.size() - PngChunk::frame, name,
                       ": expected a PNG chunk of at most ", rest.size() - PngChunk::frame,
                       " bytes, got ", chunk.length);
    has_data = has_data || (chunk.type == "IDAT" && chunk.length > 0);
    require<FileError>(has_data || chunk.type != "IDAT", name,
                       ": expected data in the first IDAT of a PNG image, got none");
    palettes += chunk.type == "PLTE" ? 1 : 0;
    require<FileError>(palettes <= 1, name, ": expected one palette of a PNG image, got another");
    ended = chunk.type == "IEND";
    rest = rest.subspan(PngChunk::frame + chunk.length);
  }
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
