#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/byte_reader.hpp"
#include "cnnrnn/data/image/header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// The 18 bytes at the beginning of a TGA file (Truevision, TGA file format 2.0).
struct TgaHeader {
  static constexpr std::size_t bytes = 18;

  explicit TgaHeader(std::span<const std::uint8_t> file)
      : name_length(file[0]),
        has_map(file[1]),
        kind(file[2]),
        map_first(number(file, 3)),
        map_size(number(file, 5)),
        map_bits(file[7]),
        width(number(file, 12)),
        height(number(file, 14)),
        bits(file[16]),
        descriptor(file[17]) {}

  bool is_packed() const { return kind > 8; }
  bool has_palette() const { return kind % 8 == 1; }
  bool is_grey() const { return kind % 8 == 3; }
  bool is_from_the_right() const { return (descriptor & 0x10U) != 0; }
  bool is_from_the_top() const { return (descriptor & 0x20U) != 0; }

  /// Whether all fields go together. A TGA file has no mark of its own: this must refuse the
  /// beginnings of other files.
  bool is_plausible() const {
    const auto one_of = [](int value, auto... values) { return ((value == values) || ...); };
    const bool palette_fits = map_size > 0 && map_first + map_size <= 256 && bits == 8 &&
                              one_of(map_bits, 15, 16, 24, 32);
    const bool no_palette = map_first == 0 && map_size == 0 && one_of(map_bits, 0, 8, 24, 32);
    const bool colours_fit =
        has_palette() ? has_map == 1 && palette_fits
                      : has_map == 0 && no_palette &&
                            (is_grey() ? one_of(bits, 8, 16) : one_of(bits, 15, 16, 24, 32));
    return one_of(kind, 1, 2, 3, 9, 10, 11) && colours_fit && width > 0 && height > 0 &&
           (descriptor & 0xc0U) == 0 && (descriptor & 0x0fU) <= 8;
  }

  static std::size_t number(std::span<const std::uint8_t> file, std::size_t at) {
    return file[at] + std::size_t{256} * file[at + 1];
  }

  std::size_t name_length;
  int has_map;
  int kind;
  std::size_t map_first, map_size;
  int map_bits;
  std::size_t width, height;
  int bits;
  unsigned descriptor;
};

inline bool is_tga(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= TgaHeader::bytes && TgaHeader(bytes).is_plausible();
}

/// Reads a TGA file: colours, grey or a palette, plain or run-length packed.
class TgaDecoder {
 public:
  /// Throws FileError unless the palette, and the pixels of a plain file, are all there.
  TgaDecoder(std::span<const std::uint8_t> bytes, const std::string& name)
      : reader_(bytes, name, "a TGA image"), tga_(reader_.take(TgaHeader::bytes)) {
    reader_.take(tga_.name_length);
    palette_ = reader_.take(tga_.map_size * bytes_of(tga_.map_bits));
    const std::size_t row = tga_.width * bytes_of(tga_.bits);
    require<FileError>(tga_.is_packed() || reader_.rest().size() / row >= tga_.height, name,
                       ": expected ", tga_.height, " rows of ", row, " bytes in a TGA image, got ",
                       reader_.rest().size(), " bytes");
  }

  ImageHeader header() const {
    return {.width = static_cast<Index>(tga_.width), .height = static_cast<Index>(tga_.height)};
  }

  /// (height, width, 3). Throws FileError when a packed file ends early.
  std::vector<std::uint8_t> pixels() {
    std::vector<std::uint8_t> result(3 * tga_.width * tga_.height);
    for (std::size_t y = 0; y < tga_.height; ++y) {
      const std::size_t row = tga_.is_from_the_top() ? y : tga_.height - 1 - y;
      for (std::size_t x = 0; x < tga_.width; ++x) {
        const std::size_t column = tga_.is_from_the_right() ? tga_.width - 1 - x : x;
        const Colour colour = next_pixel();
        std::ranges::copy(colour, result.data() + 3 * (row * tga_.width + column));
      }
    }
    return result;
  }

 private:
  using Colour = std::array<std::uint8_t, 3>;

  static std::size_t bytes_of(int bits) { return static_cast<std::size_t>(bits + 7) / 8; }

  /// In a packed file, a byte says of how many pixels a packet is, and whether they are all one.
  Colour next_pixel() {
    if (!tga_.is_packed()) {
      return read_pixel();
    }
    if (left_ == 0) {
      const unsigned packet = reader_.byte();
      left_ = (packet & 0x7fU) + 1;
      is_run_ = (packet & 0x80U) != 0;
      if (is_run_) {
        repeated_ = read_pixel();
      }
    }
    --left_;
    return is_run_ ? repeated_ : read_pixel();
  }

  Colour read_pixel() {
    const auto stored = reader_.take(bytes_of(tga_.bits));
    if (tga_.has_palette()) {
      // A colour that the palette lacks is black.
      const std::size_t bytes = bytes_of(tga_.map_bits);
      const bool known = stored[0] >= tga_.map_first && stored[0] < tga_.map_first + tga_.map_size;
      return known ? colour_of(palette_.subspan((stored[0] - tga_.map_first) * bytes, bytes))
                   : Colour{};
    }
    return tga_.is_grey() ? Colour{stored[0], stored[0], stored[0]} : colour_of(stored);
  }

  /// Blue, green, red, or five bits of each.
  static Colour colour_of(std::span<const std::uint8_t> stored) {
    if (stored.size() > 2) {
      return {stored[2], stored[1], stored[0]};
    }
    const unsigned word = stored[0] + 256U * stored[1];
    const auto five = [&](unsigned shift) {
      return static_cast<std::uint8_t>((word >> shift & 31U) * 255 / 31);
    };
    return {five(10), five(5), five(0)};
  }

  ByteReader reader_;
  TgaHeader tga_;
  std::span<const std::uint8_t> palette_;
  std::size_t left_ = 0;
  bool is_run_ = false;
  Colour repeated_{};
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
