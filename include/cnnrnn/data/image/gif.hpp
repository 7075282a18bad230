#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/byte_reader.hpp"
#include "cnnrnn/data/image/header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

inline bool is_gif(std::span<const std::uint8_t> bytes) {
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), std::size_t{6}));
  return begin == "GIF87a" || begin == "GIF89a";
}

/// The codes of a GIF's picture, which lie in blocks of up to 255 bytes, lowest bits first.
class GifCodes {
 public:
  explicit GifCodes(ByteReader& reader) : reader_(reader) {}

  std::uint32_t next(int width) {
    while (bits_ < width) {
      if (block_.empty()) {
        block_ = reader_.take(reader_.byte());
        require<FileError>(!block_.empty(), reader_.name(),
                           ": expected more pixels of a GIF image, got the end of its data");
      }
      waiting_ |= std::uint32_t{block_.front()} << bits_;
      block_ = block_.subspan(1);
      bits_ += 8;
    }
    const std::uint32_t code = waiting_ & ((1U << width) - 1);
    waiting_ >>= width;
    bits_ -= width;
    return code;
  }

 private:
  ByteReader& reader_;
  std::span<const std::uint8_t> block_;
  std::uint32_t waiting_ = 0;
  int bits_ = 0;
};

/// Unpacks the variable-length codes of a GIF's picture (GIF89a, appendix F): each stands for a
/// string of pixels, which is that of an earlier code and one pixel more.
class GifStrings {
 public:
  /// `count` pixels, of up to `bits` bits. Throws FileError when the data end before.
  static std::vector<std::uint8_t> unpack(ByteReader& reader, int bits, std::size_t count) {
    GifStrings strings(bits);
    GifCodes codes(reader);
    std::vector<std::uint8_t> pixels;
    pixels.reserve(count);
    while (pixels.size() < count) {
      const std::uint32_t code = codes.next(strings.width_);
      if (code == strings.clear_) {
        strings.forget();
        continue;
      }
      require<FileError>(code != strings.clear_ + 1 && strings.knows(code), reader.name(),
                         ": expected ", count, " pixels of a GIF image, got ", pixels.size(),
                         " and then a broken code");
      strings.learn(code);
      strings.append(code, count, pixels);
    }
    return pixels;
  }

 private:
  static constexpr std::uint32_t most = 4096;
  static constexpr std::uint32_t none = most;

  explicit GifStrings(int bits) : bits_(bits), clear_(1U << bits) {
    for (std::uint32_t pixel = 0; pixel < clear_; ++pixel) {
      first_[pixel] = last_[pixel] = static_cast<std::uint8_t>(pixel);
    }
    forget();
  }

  void forget() {
    size_ = clear_ + 2;
    width_ = bits_ + 1;
    previous_ = none;
  }

  /// A code may be the one that it itself defines.
  bool knows(std::uint32_t code) const {
    return previous_ == none ? code < clear_ : code < size_ || (code == size_ && size_ < most);
  }

  /// The string of the previous code and the first pixel of this one's becomes a string.
  void learn(std::uint32_t code) {
    if (previous_ != none && size_ < most) {
      first_[size_] = first_[previous_];
      last_[size_] = first_[code];  // which may be the new one
      shorter_[size_] = static_cast<std::uint16_t>(previous_);
      ++size_;
      if (size_ == 1U << width_ && size_ < most) {
        ++width_;
      }
    }
    previous_ = code;
  }

  void append(std::uint32_t code, std::size_t count, std::vector<std::uint8_t>& pixels) {
    std::size_t length = 0;
    for (; code >= clear_; code = shorter_[code]) {
      string_[length++] = last_[code];
    }
    string_[length++] = last_[code];
    for (; length > 0 && pixels.size() < count; --length) {
      pixels.push_back(string_[length - 1]);
    }
  }

  int bits_;
  std::uint32_t clear_;
  std::uint32_t size_ = 0;
  int width_ = 0;
  std::uint32_t previous_ = none;
  std::array<std::uint8_t, most> first_{};
  std::array<std::uint8_t, most> last_{};
  std::array<std::uint16_t, most> shorter_{};
  std::array<std::uint8_t, most> string_{};
};

/// Reads the first picture of a GIF file (GIF89a). What a smaller picture leaves of the image has
/// the colour that is transparent, or else the background's.
class GifDecoder {
 public:
  /// Throws FileError when the file is shorter than its header.
  GifDecoder(std::span<const std::uint8_t> bytes, const std::string& name)
      : reader_(bytes, name, "a GIF image") {
    reader_.take(6);  // GIF89a
    header_.width = reader_.little_endian(2);
    header_.height = reader_.little_endian(2);
    const std::uint8_t flags = reader_.byte();
    background_ = reader_.byte();
    reader_.byte();  // the pixels' proportions
    table_ = table(flags);
    check_sides(header_, name);
  }

  const ImageHeader& header() const { return header_; }

  /// (height, width, 3). Throws FileError.
  std::vector<std::uint8_t> pixels() {
    constexpr std::uint8_t extension = 0x21;
    constexpr std::uint8_t picture = 0x2c;
    std::uint8_t block = reader_.byte();
    for (; block == extension; block = reader_.byte()) {
      skip_extension();
    }
    require<FileError>(block == picture, reader_.name(),
                       ": expected a picture in a GIF image, got a block of kind ", int{block});
    return read_picture();
  }

 private:
  using Table = std::span<const std::uint8_t>;

  /// The colours that follow, if the flags say so.
  Table table(std::uint8_t flags) {
    return (flags & 0x80U) != 0 ? reader_.take(std::size_t{3} << ((flags & 7U) + 1)) : Table();
  }

  void skip_extension() {
    constexpr std::uint8_t graphic_control = 0xf9;
    const std::uint8_t label = reader_.byte();
    for (auto data = reader_.take(reader_.byte()); !data.empty();
         data = reader_.take(reader_.byte())) {
      if (label == graphic_control && data.size() >= 4) {
        transparent_ = (data[0] & 1U) != 0 ? std::optional(data[3]) : std::nullopt;
      }
    }
  }

  std::vector<std::uint8_t> read_picture() {
    const std::size_t left = reader_.little_endian(2);
    const std::size_t top = reader_.little_endian(2);
    const std::size_t width = reader_.little_endian(2);
    const std::size_t height = reader_.little_endian(2);
    const auto whole_width = static_cast<std::size_t>(header_.width);
    const auto whole_height = static_cast<std::size_t>(header_.height);
    require<FileError>(
        width > 0 && height > 0 && left + width <= whole_width && top + height <= whole_height,
        reader_.name(), ": expected a picture inside a GIF image of ", header_.width, 'x',
        header_.height, ", got one of ", width, 'x', height);
    const std::uint8_t flags = reader_.byte();
    const Table local = table(flags);
    const Table colours = local.empty() ? table_ : local;
    require<FileError>(!colours.empty(), reader_.name(),
                       ": expected a table of the colours of a GIF image, got none");
    const int bits = reader_.byte();
    require<FileError>(bits >= 1 && bits <= 8, reader_.name(),
                       ": expected GIF pixels of 1 to 8 bits, got ", bits);
    const auto indices = GifStrings::unpack(reader_, bits, width * height);
    auto result = background(colours);
    const auto rows = row_order(height, (flags & 0x40U) != 0);
    for (std::size_t y = 0; y < height; ++y) {
      std::uint8_t* to = result.data() + 3 * ((top + rows[y]) * whole_width + left);
      for (std::size_t x = 0; x < width; ++x) {
        to = write_colour(colours, indices[y * width + x], to);
      }
    }
    return result;
  }

  /// A colour that the table lacks is black.
  static std::uint8_t* write_colour(Table colours, std::size_t index, std::uint8_t* to) {
    constexpr std::array<std::uint8_t, 3> black{};
    const bool known = 3 * index < colours.size();
    return std::copy_n(known ? colours.data() + 3 * index : black.data(), 3, to);
  }

  std::vector<std::uint8_t> background(Table colours) const {
    std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * header_.pixels()));
    for (std::uint8_t* to = result.data(); to != result.data() + result.size();) {
      to = transparent_ ? write_colour(colours, *transparent_, to)
                        : write_colour(table_, background_, to);
    }
    return result;
  }

  /// Interlaced pictures have every eighth row first, then those between.
  static std::vector<std::size_t> row_order(std::size_t height, bool interlaced) {
    struct Pass {
      std::size_t first, step;
    };
    constexpr std::array<Pass, 1> at_once{{{0, 1}}};
    constexpr std::array<Pass, 4> in_four{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    std::vector<std::size_t> rows;
    rows.reserve(height);
    for (const Pass& pass :
         interlaced ? std::span<const Pass>(in_four) : std::span<const Pass>(at_once)) {
      for (std::size_t y = pass.first; y < height; y += pass.step) {
        rows.push_back(y);
      }
    }
    return rows;
  }

  ByteReader reader_;
  ImageHeader header_;
  std::size_t background_ = 0;
  Table table_;
  std::optional<std::uint8_t> transparent_;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
