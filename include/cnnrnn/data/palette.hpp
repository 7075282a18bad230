#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cnnrnn/data/png_check.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline constexpr std::size_t most_colours = 256;

/// A palette with fewer colours than a pixel can ask for: where it ends, how many bytes are
/// missing, and the number in the file, of four bytes, that becomes another with them.
struct ShortPalette {
  std::size_t end = 0;
  std::size_t missing = 0;
  std::size_t number_at = 0;
  std::array<std::uint8_t, 4> number{};
};

inline bool is_bmp(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 'B' && bytes[1] == 'M';
}

/// What the header of a BMP says, whose first form, of 12 bytes, has its numbers elsewhere.
struct BmpHeader {
  static constexpr std::size_t least_bytes = 30;

  explicit BmpHeader(std::span<const std::uint8_t> file)
      : bytes(number(file, 14, 4)),
        bits(number(file, is_first_form() ? 24 : 28, 2)),
        pixels(number(file, 10, 4)) {}

  bool is_first_form() const { return bytes == 12; }
  std::size_t end() const { return 14 + bytes; }

  static std::size_t number(std::span<const std::uint8_t> file, std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= std::size_t{file[at + i]} << 8 * i;
    }
    return value;
  }

  std::size_t bytes, bits, pixels;
};

/// That of a BMP whose pixels stand behind its header and within the file. stb_image counts the
/// colours of the first form from 12 bytes behind the header on.
inline ShortPalette short_palette_of_bmp(const BmpHeader& header) {
  const std::size_t whole =
      header.end() + (header.is_first_form() ? 12 + 3 * most_colours : 4 * most_colours);
  if (header.bits > 8 || header.pixels >= whole) {
    return {};
  }
  ShortPalette palette{header.pixels, whole - header.pixels, 10, {}};
  palette.number = {static_cast<std::uint8_t>(whole), static_cast<std::uint8_t>(whole >> 8), 0, 0};
  return palette;
}

/// That of a PNG whose chunks check_png has gone through.
inline ShortPalette short_palette_of_png(std::span<const std::uint8_t> bytes) {
  for (std::size_t at = png_signature.size(); at < bytes.size();) {
    const PngChunk chunk(bytes.subspan(at));
    if (chunk.type == "PLTE" && chunk.length % 3 == 0 && chunk.length < 3 * most_colours) {
      const std::size_t missing = 3 * most_colours - chunk.length;
      return {at + 8 + chunk.length, missing, at, {0, 0, 3, 0}};
    }
    at += PngChunk::frame + chunk.length;
  }
  return {};
}

/// The file with black for the colours that its palette lacks, or nothing if it lacks none.
/// stb_image would take them from memory that nobody wrote.
inline std::vector<std::uint8_t> complete_palette(std::span<const std::uint8_t> bytes) {
  const ShortPalette palette =
      is_png(bytes) ? short_palette_of_png(bytes)
                    : (is_bmp(bytes) ? short_palette_of_bmp(BmpHeader(bytes)) : ShortPalette{});
  std::vector<std::uint8_t> complete;
  if (palette.missing > 0) {
    complete.reserve(bytes.size() + palette.missing);
    complete.assign(bytes.begin(), bytes.end());
    complete.insert(complete.begin() + static_cast<std::ptrdiff_t>(palette.end), palette.missing,
                    0);
    std::ranges::copy(palette.number,
                      complete.begin() + static_cast<std::ptrdiff_t>(palette.number_at));
  }
  return complete;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
