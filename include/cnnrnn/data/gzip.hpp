#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/data/binary_file.hpp"
#include "cnnrnn/data/byte_reader.hpp"
#include "cnnrnn/data/stb_image.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The check sum of gzip and PNG: the reflected polynomial 0xedb88320 (RFC 1952, section 8).
inline std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> result{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) {
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
      }
      result[byte] = crc;
    }
    return result;
  }();
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : bytes) {
    crc = (crc >> 8) ^ table[(crc ^ byte) & 0xffU];
  }
  return ~crc;
}

namespace detail {

/// Reads a gzip header's fields one after the other.
class GzipReader : public ByteReader {
 public:
  GzipReader(std::span<const std::uint8_t> bytes, const std::string& name)
      : ByteReader(bytes, name, "gzip") {}

  void skip_text() {
    const auto end = std::ranges::find(rest(), std::uint8_t{0});
    take(static_cast<std::size_t>(end - rest().begin()) + 1);
  }

  /// Everything before the member's body (RFC 1952, section 2.3).
  void skip_header() {
    require<FileError>(rest().size() >= 2 && little_endian(2) == 0x8b1f, name(),
                       ": expected a gzip file, which begins with the bytes 1f 8b, got others");
    const std::uint32_t method = little_endian(1);
    require<FileError>(method == 8, name(), ": expected gzip's method 8 (deflate), got ", method);
    const std::uint32_t flags = little_endian(1);
    require<FileError>((flags & 0xe0U) == 0, name(), ": expected gzip flags below 32, got ", flags);
    take(6);  // time, extra flags, system
    if ((flags & 4U) != 0) {
      take(little_endian(2));
    }
    for (const std::uint32_t text : {8U, 16U}) {  // file name, comment
      if ((flags & text) != 0) {
        skip_text();
      }
    }
    take((flags & 2U) != 0 ? 2 : 0);  // check sum of the header
  }
};

}  // namespace detail

/// Unpacks a gzip file of one member (RFC 1952) that was read into memory. `name` is for messages.
/// Throws FileError when the header, the size or the check sum is wrong, or when it would unpack to
/// more than `most` bytes or half of most_memory.
inline std::vector<std::uint8_t> gunzip(std::span<const std::uint8_t> bytes, Index most,
                                        const std::string& name) {
  constexpr Index most_of_int = std::numeric_limits<int>::max();
  require<FileError>(std::ssize(bytes) <= most_of_int, name, ": expected less than 2 GB, got ",
                     bytes.size(), " bytes");
  detail::GzipReader reader(bytes, name);
  reader.skip_header();
  require<FileError>(reader.rest().size() >= 8, name, ": expected 8 bytes at the end, got ",
                     reader.rest().size());
  // With the trailer: stb_image wants to see bytes after the last code.
  const auto rest = reader.rest();
  const auto body = reader.take(rest.size() - 8);
  const std::uint32_t check_sum = reader.little_endian(4);
  const Index size = reader.little_endian(4);
  // Twice: the bytes, and what is made of them.
  most = std::min(most, most_memory(std::ssize(bytes)) / 2);
  // Deflate packs 258 bytes into two bits at best: a larger size is a broken one.
  require<FileError>(size <= std::min(most, most_of_int) && size / 1032 <= std::ssize(body), name,
                     ": expected to unpack to at most ", most, " bytes, and ", body.size(),
                     " packed bytes to be enough, got the size ", size);
  std::vector<std::uint8_t> unpacked(static_cast<std::size_t>(size) + 1);
  const int count = stb::stbi_zlib_decode_noheader_buffer(
      reinterpret_cast<char*>(unpacked.data()), static_cast<int>(size),
      reinterpret_cast<const char*>(rest.data()), static_cast<int>(rest.size()));
  unpacked.pop_back();
  require<FileError>(count >= 0, name, ": expected gzip data of ", size,
                     " bytes, got broken data or more of it");
  require<FileError>(count == size, name, ": expected to unpack to ", size, " bytes, got ", count);
  const std::uint32_t sum = crc32(unpacked);
  require<FileError>(sum == check_sum, name, ": expected the CRC32 ", check_sum, ", got ", sum);
  return unpacked;
}

/// Reads and unpacks a gzip file. Throws FileError; see gunzip.
inline std::vector<std::uint8_t> read_gzip(const std::string& path, Index most) {
  return gunzip(read_file(path, most), most, path);
}

}  // namespace data
CNNRNN_NAMESPACE_END
