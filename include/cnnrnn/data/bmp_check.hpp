#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

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
        pixels_at(number(file, 10, 4)) {}

  bool is_first_form() const { return size == 12; }
  std::size_t end() const { return 14 + size; }

  static std::size_t number(std::span<const std::uint8_t> file, std::size_t at, std::size_t count) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::size_t{file[at + i]} << 8 * i;
    }
    return value;
  }

  std::size_t size, bits, pixels_at;
};

/// stb_image fills what is missing of a BMP with black: all of its pixels must be in the file, and
/// behind the header.
inline void check_bmp(std::span<const std::uint8_t> bytes, Index width, Index height,
                      const std::string& name) {
  require<FileError>(bytes.size() >= BmpHeader::least_file, name,
                     ": expected a BMP image of at least ", BmpHeader::least_file, " bytes, got ",
                     bytes.size());
  const BmpHeader header(bytes);
  const auto offset = static_cast<Index>(header.pixels_at);
  const Index row = (width * static_cast<Index>(header.bits) + 31) / 32 * 4;
  require<FileError>(header.pixels_at >= header.end(), name,
                     ": expected the pixels of a BMP image at ", header.end(), " or later, got ",
                     header.pixels_at);
  require<FileError>(offset <= std::ssize(bytes) && row * height <= std::ssize(bytes) - offset + 3,
                     name, ": expected ", row * height, " bytes of pixels from byte ", offset,
                     ", got a file of ", bytes.size());
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
