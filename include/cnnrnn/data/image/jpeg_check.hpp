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

inline bool is_jpeg(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
}

/// Goes through the segments of a JPEG file (ISO 10918-1, annex B) as stb_image will. Throws
/// FileError for what that does not read, and for what it believes without looking: Huffman tables
/// of more symbols than there are bytes, and a picture that ends early, whose rest would be grey.
class JpegCheck {
 public:
  JpegCheck(std::span<const std::uint8_t> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {
    constexpr std::uint8_t end_of_image = 0xd9;
    for (std::uint8_t marker = 0; marker != end_of_image;) {
      marker = next_marker();
      if (has_length(marker)) {
        const std::size_t length = number(position_);
        look_at(marker, position_ + 2, position_ + length);
        position_ += length;
      }
      if (marker == 0xda) {
        ++scans_;
        skip_scan();
      }
    }
    check_sides(header_, name_);
    require<FileError>(scans_ > 0, name_, ": expected a scan in a JPEG image, got none");
  }

  const ImageHeader& header() const { return header_; }
  Index scans() const { return scans_; }

  /// Of colours: 1, 3 or 4.
  int components() const { return components_; }

  /// Where the marker of the first scan stands.
  std::size_t first_scan() const { return first_scan_; }

  /// What Adobe's segment in front of the first scan says of the colours (0: as they are, 1: YCbCr,
  /// 2: YCCK), or -1 without one.
  int adobe_transform() const { return adobe_transform_; }

 private:
  static bool is_restart(std::uint8_t marker) { return marker >= 0xd0 && marker <= 0xd7; }
  static bool has_length(std::uint8_t marker) {
    return marker >= 0xc0 && !is_restart(marker) && marker != 0xd8 && marker != 0xd9;
  }
  static bool is_frame(std::uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
  }

  std::uint8_t byte(std::size_t position) const {
    require<FileError>(position < bytes_.size(), name_, ": expected a whole JPEG image, got ",
                       bytes_.size(), " bytes without its end");
    return bytes_[position];
  }

  std::size_t number(std::size_t position) const {
    return 256U * byte(position) + byte(position + 1);
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

  /// A segment's contents.
  void look_at(std::uint8_t marker, std::size_t from, std::size_t to) {
    if (marker == 0xc4) {
      check_huffman(from, to);
    } else if (is_frame(marker) && components_ == 0) {
      read_frame(marker, from);
    } else if (marker == 0xda && scans_ == 0) {
      first_scan_ = from - 4;
    } else if (marker == 0xee && scans_ == 0 && begins(from, to, "Adobe") && to - from >= 12) {
      adobe_transform_ = byte(from + 11);
    } else if (marker == 0xe1 && !has_exif_ && begins(from, to, {"Exif\0\0", 6})) {
      has_exif_ = true;
      header_.orientation = exif_orientation(bytes_.subspan(from + 6, to - from - 6));
    }
  }

  /// Whether a segment that lies in the file begins with this.
  bool begins(std::size_t from, std::size_t to, std::string_view text) const {
    return to <= bytes_.size() && from + text.size() <= to &&
           std::equal(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(from),
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
  }

  void read_frame(std::uint8_t marker, std::size_t from) {
    require<FileError>(marker <= 0xc2, name_,
                       ": expected a baseline or progressive JPEG (SOF0, 1 or 2), got SOF",
                       marker - 0xc0);
    require<FileError>(byte(from) == 8, name_, ": expected a JPEG of 8 bits a colour, got ",
                       int{byte(from)});
    header_.height = static_cast<Index>(number(from + 1));
    header_.width = static_cast<Index>(number(from + 3));
    components_ = byte(from + 5);
    require<FileError>(components_ == 1 || components_ == 3 || components_ == 4, name_,
                       ": expected a JPEG of 1, 3 or 4 colours, got ", components_);
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
  ImageHeader header_;
  Index scans_ = 0;
  int components_ = 0;
  std::size_t first_scan_ = 0;
  int adobe_transform_ = -1;
  bool has_exif_ = false;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
