#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cnnrnn/data/image/bmp_check.hpp"
#include "cnnrnn/data/image/jpeg_check.hpp"
#include "cnnrnn/data/image/png_check.hpp"
#include "cnnrnn/data/image/splice.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline constexpr std::size_t most_colours = 256;

/// What makes a BMP that check_bmp has accepted one that stb_image reads as it is meant. A palette
/// with fewer colours than a pixel can ask for gets black ones: stb_image would take them from
/// memory that nobody wrote. It counts the colours of the first form from 12 bytes behind the
/// header on, and refuses a palette without any. Bytes between the header, or a whole palette, and
/// the pixels go away, for which it refuses a file.
inline std::vector<Splice> bmp_splices(std::span<const std::uint8_t> bytes) {
  const BmpHeader header(bytes);
  std::size_t whole = header.end();
  if (header.bits <= 8) {
    if (header.pixels_at == header.end()) {
      return {};
    }
    whole += header.is_first_form() ? 12 + 3 * most_colours : 4 * most_colours;
  }
  if (header.pixels_at == whole) {
    return {};
  }
  const std::size_t kept = std::min(header.pixels_at, whole);
  return {{10, 4, {static_cast<std::uint8_t>(whole), static_cast<std::uint8_t>(whole >> 8), 0, 0}},
          {kept, header.pixels_at - kept, std::vector<std::uint8_t>(whole - kept)}};
}

/// The same of a PNG that check_png has accepted: black for the colours that its palette lacks. A
/// palette that is empty or none stays so, for stb_image to refuse.
inline std::vector<Splice> png_splices(std::span<const std::uint8_t> bytes) {
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
  return {{at, 4, {0, 0, 3, 0}},
          {at + 8 + chunk.length, 0, std::vector<std::uint8_t>(3 * most_colours - chunk.length)}};
}

/// The same of a JPEG: Adobe's segment for one of four colours, which stb_image takes for YCbCr and
/// a fourth without it. As libjpeg has it, they are CMYK without the segment, and YCCK with one
/// that says anything but CMYK; inverted in both, as Adobe writes them and Pillow reads them.
inline std::vector<Splice> jpeg_splices(const JpegCheck& jpeg) {
  if (jpeg.components() != 4) {
    return {};
  }
  const std::uint8_t transform = jpeg.adobe_transform() <= 0 ? 0 : 2;
  return {{jpeg.first_scan(),
           0,
           {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform}}};
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
