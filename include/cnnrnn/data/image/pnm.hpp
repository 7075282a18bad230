#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/byte_reader.hpp"
#include "cnnrnn/data/image/header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline bool is_pnm(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view behind = " \t\n\v\f\r#";
  return bytes.size() >= 3 && bytes[0] == 'P' && (bytes[1] == '5' || bytes[1] == '6') &&
         behind.find(static_cast<char>(bytes[2])) != std::string_view::npos;
}

/// Reads a binary PGM or PPM file, P5 or P6 (netpbm): a header in text, then one or two bytes a
/// value, the higher one first, from 0 to a maximum.
class PnmDecoder {
 public:
  /// Throws FileError unless the header is right and all pixels follow it.
  PnmDecoder(std::span<const std::uint8_t> bytes, const std::string& name)
      : reader_(bytes, name, "a PPM or PGM image") {
    channels_ = reader_.take(2)[1] == '6' ? 3 : 1;
    header_.width = number();
    header_.height = number();
    maximum_ = number();
    check_sides(header_, name);
    require<FileError>(maximum_ >= 1 && maximum_ <= 65535, name,
                       ": expected PPM or PGM values up to 1 to 65535, got up to ", maximum_);
    const Index row = header_.width * channels_ * value_bytes();
    require<FileError>(std::ssize(reader_.rest()) / row >= header_.height, name, ": expected ",
                       header_.height, " rows of ", row, " bytes in a PPM or PGM image, got ",
                       reader_.rest().size(), " bytes");
  }

  const ImageHeader& header() const { return header_; }

  /// (height, width, 3), scaled to 255.
  std::vector<std::uint8_t> pixels() const {
    std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * header_.pixels()));
    const std::uint8_t* from = reader_.rest().data();
    for (auto to = result.begin(); to != result.end();) {
      if (channels_ == 1) {
        to = std::fill_n(to, 3, value(from));
      } else {
        *to++ = value(from);
      }
      from += value_bytes();
    }
    return result;
  }

 private:
  Index value_bytes() const { return maximum_ > 255 ? 2 : 1; }

  std::uint8_t value(const std::uint8_t* from) const {
    const Index stored = maximum_ > 255 ? 256 * from[0] + from[1] : from[0];
    return static_cast<std::uint8_t>((255 * std::min(stored, maximum_) + maximum_ / 2) / maximum_);
  }

  /// The next number of the header and the byte behind it. Comments go to the end of their lines.
  Index number() {
    char letter = next();
    for (bool comment = false; comment || letter == '#' || is_space(letter); letter = next()) {
      comment = letter == '#' || (comment && letter != '\n' && letter != '\r');
    }
    Index value = 0;
    int digits = 0;
    for (; letter >= '0' && letter <= '9' && digits < 9; ++digits, letter = next()) {
      value = 10 * value + (letter - '0');
    }
    require<FileError>(digits > 0 && is_space(letter), reader_.name(),
                       ": expected a number of up to 9 digits in the header of a PPM or PGM image");
    return value;
  }

  static bool is_space(char letter) {
    return std::string_view(" \t\n\v\f\r").find(letter) != std::string_view::npos;
  }

  char next() { return static_cast<char>(reader_.byte()); }

  ByteReader reader_;
  ImageHeader header_;
  Index channels_ = 0;
  Index maximum_ = 0;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
