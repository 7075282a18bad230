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
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         behind.find(static_cast<char>(bytes[2])) != std::string_view::npos;
}

/// Reads a PGM or PPM file (netpbm): a header in text, then values from 0 to a maximum. In binary
/// files, P5 or P6, they have one or two bytes, the higher one first; in plain ones, P2 or P3, they
/// are numbers in text.
class PnmDecoder {
 public:
  /// Throws FileError unless the header is right and all pixels of a binary file follow it.
  PnmDecoder(std::span<const std::uint8_t> bytes, const std::string& name)
      : reader_(bytes, name, "a PPM or PGM image") {
    const std::uint8_t kind = reader_.take(2)[1];
    require<FileError>(kind != '1' && kind != '4', name,
                       ": expected a PPM or PGM image (P2, P3, P5 or P6), got a bitmap (P",
                       static_cast<char>(kind), ')');
    channels_ = kind == '3' || kind == '6' ? 3 : 1;
    plain_ = kind < '4';
    header_.width = number();
    header_.height = number();
    maximum_ = number();
    check_sides(header_, name);
    require<FileError>(maximum_ >= 1 && maximum_ <= 65535, name,
                       ": expected PPM or PGM values up to 1 to 65535, got up to ", maximum_);
    const Index row = header_.width * channels_ * value_bytes();
    require<FileError>(plain_ || std::ssize(reader_.rest()) / row >= header_.height, name,
                       ": expected ", header_.height, " rows of ", row,
                       " bytes in a PPM or PGM image, got ", reader_.rest().size(), " bytes");
  }

  const ImageHeader& header() const { return header_; }

  /// (height, width, 3), scaled to 255. Throws FileError unless all values of a plain file are
  /// numbers.
  std::vector<std::uint8_t> pixels() {
    std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * header_.pixels()));
    const Index copies = channels_ == 1 ? 3 : 1;
    for (auto to = result.begin(); to != result.end();) {
      to = std::fill_n(to, copies, scaled(plain_ ? number() : binary_value()));
    }
    return result;
  }

 private:
  Index value_bytes() const { return maximum_ > 255 ? 2 : 1; }

  Index binary_value() {
    const Index high = maximum_ > 255 ? 256 * Index{reader_.byte()} : 0;
    return high + reader_.byte();
  }

  std::uint8_t scaled(Index stored) const {
    return static_cast<std::uint8_t>((255 * std::min(stored, maximum_) + maximum_ / 2) / maximum_);
  }

  /// The next number and the byte behind it, if there is one. Comments go to the end of their
  /// lines.
  Index number() {
    char letter = next();
    while (letter == '#' || is_space(letter)) {
      behind_comment(letter);
      letter = next();
    }
    Index value = 0;
    int digits = 0;
    for (; letter >= '0' && letter <= '9' && digits < 9; ++digits) {
      value = 10 * value + (letter - '0');
      letter = reader_.rest().empty() ? ' ' : next();
    }
    letter = behind_comment(letter);
    require<FileError>(digits > 0 && is_space(letter), reader_.name(),
                       ": expected a number of up to 9 digits in a PPM or PGM image");
    return value;
  }

  /// The end of the line if a comment begins here, else the letter itself.
  char behind_comment(char letter) {
    for (bool comment = letter == '#'; comment; comment = letter != '\n' && letter != '\r') {
      letter = next();
    }
    return letter;
  }

  static bool is_space(char letter) {
    return std::string_view(" \t\n\v\f\r").find(letter) != std::string_view::npos;
  }

  char next() { return static_cast<char>(reader_.byte()); }

  ByteReader reader_;
  ImageHeader header_;
  Index channels_ = 0;
  bool plain_ = false;
  Index maximum_ = 0;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
