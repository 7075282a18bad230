#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/image/exif.hpp"
#include "cnnrnn/data/image/header.hpp"

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
  explicit PngChunk(std::span<const std::uint8_t> rest)
      : length(number(rest)), type(rest.begin() + 4, rest.begin() + 8) {}

  static std::size_t number(std::span<const std::uint8_t> bytes) {
    std::size_t value = 0;
    for (const std::uint8_t byte : bytes.first(4)) {
      value = value << 8 | byte;
    }
    return value;
  }

  std::size_t length;
  std::string type;
};

/// The header of a PNG file, and its orientation if it has a chunk eXIf. Goes through all chunks
/// and throws FileError when the first is not IHDR, one is longer than the file, the end is
/// missing, there are two palettes, or the picture's data begins with an empty chunk, for which
/// stb_image has no memory yet.
inline ImageHeader check_png(std::span<const std::uint8_t> bytes, const std::string& name) {
  ImageHeader header;
  bool has_data = false;
  bool has_exif = false;
  int palettes = 0;
  bool ended = false;
  for (auto rest = bytes.subspan(png_signature.size()); !ended;) {
    require<FileError>(rest.size() >= PngChunk::frame, name,
                       ": expected a whole PNG image, got a file without its end");
    const PngChunk chunk(rest);
    require<FileError>(chunk.length <= rest.size() - PngChunk::frame, name,
                       ": expected a PNG chunk of at most ", rest.size() - PngChunk::frame,
                       " bytes, got ", chunk.length);
    const auto data = rest.subspan(8, chunk.length);
    if (header.width == 0) {  // the first chunk: Apple's variant has another, and other colours
      require<FileError>(chunk.type == "IHDR" && chunk.length == 13, name,
                         ": expected a PNG image that begins with its header, got another chunk");
      header.width = static_cast<Index>(PngChunk::number(data));
      header.height = static_cast<Index>(PngChunk::number(data.subspan(4)));
      check_sides(header, name);
    }
    if (chunk.type == "eXIf" && !has_exif) {
      has_exif = true;
      header.orientation = exif_orientation(data);
    }
    has_data = has_data || (chunk.type == "IDAT" && chunk.length > 0);
    require<FileError>(has_data || chunk.type != "IDAT", name,
                       ": expected data in the first IDAT of a PNG image, got none");
    palettes += chunk.type == "PLTE" ? 1 : 0;
    require<FileError>(palettes <= 1, name, ": expected one palette of a PNG image, got another");
    ended = chunk.type == "IEND";
    rest = rest.subspan(PngChunk::frame + chunk.length);
  }
  return header;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
