#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/image/header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline bool is_bmp(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 'B' && bytes[1] == 'M';
}

/// What the header of a BMP says. Its first form, of 12 bytes, has its numbers elsewhere.
struct BmpHeader {
  static constexpr std::size_t least_file = 30;

  explicit BmpHeader(std::span<const std::uint8_t> file)
      : size(number(file, 14, 4)),
        bits(number(file, is_first_form() ? 24 : 28, 2)),
        pixels_at(number(file, 10, 4)),
        has_masks(!is_first_form() && file.size() >= 34 && number(file, 30, 4) == 3) {
    if (is_first_form()) {
      width = static_cast<Index>(number(file, 18, 2));
      height = static_cast<Index>(number(file, 20, 2));
    } else {
      width = static_cast<std::int32_t>(number(file, 18, 4));
      // One with its first row on top has a negative height.
      height = std::abs(Index{static_cast<std::int32_t>(number(file, 22, 4))});
    }
  }

  bool is_first_form() const { return size == 12; }

  /// Where the header ends; the colours' masks are a part of it, or behind its short forms.
  std::size_t end() const { return 14 + size + (has_masks && size <= 56 ? 12 : 0); }

  static std::size_t number(std::span<const std::uint8_t> file, std::size_t at, std::size_t count) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::size_t{file[at + i]} << 8 * i;
    }
    return value;
  }

  std::size_t size, bits, pixels_at;
  bool has_masks;
  Index width = 0;
  Index height = 0;
};

/// The header of a BMP file. stb_image fills what is missing of one with black: throws FileError
/// unless all of its pixels are in the file, and behind the header.
inline ImageHeader check_bmp(std::span<const std::uint8_t> bytes, const std::string& name) {
  require<FileError>(bytes.size() >= BmpHeader::least_file, name,
                     ": expected a BMP image of at least ", BmpHeader::least_file, " bytes, got ",
                     bytes.size());
  const BmpHeader header(bytes);
  const ImageHeader size{.width = header.width, .height = header.height};
  check_sides(size, name);
  const auto offset = static_cast<Index>(header.pixels_at);
  const Index row = (header.width * static_cast<Index>(header.bits) + 31) / 32 * 4;
  require<FileError>(header.pixels_at >= header.end(), name,
                     ": expected the pixels of a BMP image at ", header.end(), " or later, got ",
                     header.pixels_at);
  require<FileError>(
      offset <= std::ssize(bytes) && row <= (std::ssize(bytes) - offset + 3) / header.height, name,
      ": expected ", header.height, " rows of ", row, " bytes of pixels from byte ", offset,
      ", got a file of ", bytes.size());
  return size;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
