#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// Goes through the segments of a JPEG file (ISO 10918-1, annex B) as stb_image will, and throws
/// FileError for what that believes without looking: Huffman tables of more symbols than there are
/// bytes, and a picture that ends early, whose rest would be grey.
class JpegCheck {
 public:
  JpegCheck(std::span<const std::uint8_t> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {
    constexpr std::uint8_t end_of_image = 0xd9;
    for (std::uint8_t marker = 0; marker != end_of_image;) {
      marker = next_marker();
      if (has_length(marker)) {
        const std::size_t length = 256U * byte(position_) + byte(position_ + 1);
        if (marker == 0xc4) {
          check_huffman(position_ + 2, position_ + length);
        }
        position_ += length;
      }
      if (marker == 0xda) {
        ++scans_;
        skip_scan();
      }
    }
  }

  Index scans() const { return scans_; }

 private:
  static bool is_restart(std::uint8_t marker) { return marker >= 0xd0 && marker <= 0xd7; }
  static bool has_length(std::uint8_t marker) {
    return marker >= 0xc0 && !is_restart(marker) && marker != 0xd8 && marker != 0xd9;
  }

  std::uint8_t byte(std::size_t position) const {
    require<FileError>(position < bytes_.size(), name_, ": expected a whole JPEG image, got ",
                       bytes_.size(), " bytes without its end");
    return bytes_[position];
  }

  /// The marker behind the next byte 0xff, which may stand there several times.
  std::uint8_t next_marker() {
    while (byte(position_) != 0xff) {
      ++position_;
    }
    while (byte(position_) == 0xff) {
      ++position_;
    }
    return byte(position_++);
  }

  /// To the 0xff in front of the next marker that is not part of a scan.
  void skip_scan() {
    while (byte(position_) != 0xff || byte(position_ + 1) == 0 || byte(position_ + 1) == 0xff ||
           is_restart(byte(position_ + 1))) {
      ++position_;
    }
  }

  /// A segment has several tables: a byte that says which, 16 numbers of codes, the symbols.
  void check_huffman(std::size_t from, std::size_t to) const {
    constexpr std::size_t lengths = 16;
    while (from < to) {
      std::size_t symbols = 0;
      for (std::size_t i = 1; i <= lengths; ++i) {
        symbols += byte(from + i);
      }
      require<FileError>(symbols <= 256, name_,
                         ": expected a Huffman table of at most 256 symbols, got ", symbols);
      from += 1 + lengths + symbols;
    }
  }

  std::span<const std::uint8_t> bytes_;
  const std::string& name_;
  std::size_t position_ = 2;
  Index scans_ = 0;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
