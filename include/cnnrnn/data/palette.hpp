#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cnnrnn/data/bmp_check.hpp"
#include "cnnrnn/data/png_check.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline constexpr std::size_t most_colours = 256;

/// A palette with fewer colours than a pixel can ask for: where it ends, how many bytes are
/// missing, and the number in the file, of four bytes, that becomes another with them.
struct ShortPalette {
  std::size_t end;
  std::size_t missing;
  std::size_t number_at;
  std::array<std::uint8_t, 4> number;
};

/// That of a BMP that check_bmp has accepted. stb_image counts the colours of the first form from
/// 12 bytes behind the header on, and refuses a palette without any.
inline std::optional<ShortPalette> short_palette_of_bmp(std::span<const std::uint8_t> bytes) {
  const BmpHeader header(bytes);
  const std::size_t whole =
      header.end() + (header.is_first_form() ? 12 + 3 * most_colours : 4 * most_colours);
  if (header.bits > 8 || header.pixels_at >= whole || header.pixels_at == header.end()) {
    return {};
  }
  return ShortPalette{
      header.pixels_at,
      whole - header.pixels_at,
      10,
      {static_cast<std::uint8_t>(whole), static_cast<std::uint8_t>(whole >> 8), 0, 0}};
}

/// That of a PNG that check_png has accepted. A palette that is empty or none stays so, for
/// stb_image to refuse.
inline std::optional<ShortPalette> short_palette_of_png(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t colour_type = 25;  // in the first chunk, which is IHDR
  if (bytes[colour_type] != 3) {
    return {};
  }
  std::size_t at = png_signature.size();
  PngChunk chunk(bytes.subspan(at));
  while (chunk.type != "PLTE") {
    if (chunk.type == "IEND") {
      return {};
    }
    at += PngChunk::frame + chunk.length;
    chunk = PngChunk(bytes.subspan(at));
  }
  if (chunk.length == 0 || chunk.length % 3 != 0 || chunk.length >= 3 * most_colours) {
    return {};
  }
  return ShortPalette{at + 8 + chunk.length, 3 * most_colours - chunk.length, at, {0, 0, 3, 0}};
}

/// The file with black for the colours that its palette lacks, or nothing if it lacks none.
/// stb_image would take them from memory that nobody wrote.
inline std::vector<std::uint8_t> with_whole_palette(std::span<const std::uint8_t> bytes) {
  std::optional<ShortPalette> palette;
  if (is_png(bytes)) {
    palette = short_palette_of_png(bytes);
  } else if (is_bmp(bytes)) {
    palette = short_palette_of_bmp(bytes);
  }
  std::vector<std::uint8_t> whole;
  if (palette) {
    const auto end = static_cast<std::ptrdiff_t>(palette->end);
    whole.reserve(bytes.size() + palette->missing);
    whole.assign(bytes.begin(), bytes.end());
    whole.insert(whole.begin() + end, palette->missing, 0);
    std::ranges::copy(palette->number,
                      whole.begin() + static_cast<std::ptrdiff_t>(palette->number_at));
  }
  return whole;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
