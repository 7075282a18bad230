#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/data/binary_file.hpp"
#include "cnnrnn/data/image/bmp_check.hpp"
#include "cnnrnn/data/image/format.hpp"
#include "cnnrnn/data/image/gif.hpp"
#include "cnnrnn/data/image/jpeg_check.hpp"
#include "cnnrnn/data/image/mended.hpp"
#include "cnnrnn/data/image/png_check.hpp"
#include "cnnrnn/data/image/pnm.hpp"
#include "cnnrnn/data/image/tga.hpp"
#include "cnnrnn/data/image/upright.hpp"
#include "cnnrnn/data/resize.hpp"
#include "cnnrnn/data/stb_image.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How large an image file may be, packed and unpacked. The defaults are for your own files: they
/// take the photos of a phone of 108 megapixels, for which decoding needs up to 2 GB.
struct ImageLimits {
  Index file_bytes = Index{1} << 30;  ///< the largest file, in bytes
  Index pixels = Index{1} << 27;      ///< 134 megapixels
  Index memory = 0;  ///< for decoding, in bytes; 0: the most that an image of its size can need

  /// For files from strangers: no file takes more than 88 MiB, which is enough for 13 megapixels,
  /// beside itself.
  static constexpr ImageLimits strict() {
    return {.file_bytes = Index{1} << 26, .pixels = Index{1} << 26, .memory = Index{88} << 20};
  }
};

/// How image files are read.
struct ImageOptions {
  ImageLimits limits = {};          ///< on sizes
  bool ignore_orientation = false;  ///< leave the picture as it is stored, whatever EXIF says
};

namespace detail {

/// Throws FileError unless the picture is within the limits, and the file large enough for it: a
/// decoder that packs best needs one byte for `most_pixels_a_byte`.
inline void check_size(const ImageHeader& header, Index file_bytes, Index most_pixels_a_byte,
                       const ImageLimits& limits, const std::string& name) {
  require<FileError>(header.pixels() / most_pixels_a_byte <= file_bytes, name,
                     ": expected at most ", most_pixels_a_byte, " pixels for each of ", file_bytes,
                     " bytes, got ", header.width, 'x', header.height);
  require<FileError>(header.pixels() <= limits.pixels, name, ": expected at most ", limits.pixels,
                     " pixels (ImageLimits::pixels, or --max-image-pixels of a program), got ",
                     header.width, 'x', header.height);
}

/// The most that decoding an image can take: the file put together from its parts, and per pixel
/// two forms of four colours of 16 bits and two of three colours of 8 bits, with room to spare.
inline Index decoding_memory(const ImageHeader& header, Index file_bytes) {
  return most_memory(0) + 4 * file_bytes + 32 * header.pixels();
}

/// stb_image goes through all of a JPEG's picture for each scan: they must be few.
inline void check_scans(Index scans, Index pixels, const std::string& name) {
  constexpr Index most_work = Index{1} << 26;
  constexpr Index usual_scans = 20;
  require<FileError>(scans <= usual_scans || scans * pixels <= most_work, name,
                     ": expected at most ", usual_scans, " scans of a JPEG of ", pixels,
                     " pixels, got ", scans);
}

/// What an image needs at the end of its decoding: its pixels, and the tensor, whose memory may be
/// a quarter larger than itself.
inline void check_memory(const ImageHeader& header, bool exceeded, Index most_bytes,
                         const std::string& name) {
  require<FileError>(!exceeded && 3 * header.pixels() / 4 * 9 <= most_bytes, name,
                     ": expected to need at most ", most_bytes,
                     " bytes (ImageLimits::memory), got an image of ", header.width, 'x',
                     header.height, " that needs more");
}

/// Decodes a PNG, JPEG or BMP file that has been checked.
inline Tensor<std::uint8_t> decode_with_stb(std::span<const std::uint8_t> bytes,
                                            const ImageHeader& header, Index most_bytes,
                                            const std::string& name) {
  constexpr int channels = 3;
  check_memory(header, false, most_bytes, name);
  StbMemory memory(static_cast<std::size_t>(most_bytes));
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int in_file = 0;
  const bool known = stb::stbi_info_from_memory(bytes.data(), size, &width, &height, &in_file) != 0;
  require<FileError>(known && width == header.width && std::abs(Index{height}) == header.height,
                     name, ": expected a whole image of ", header.width, 'x', header.height,
                     ", got a broken one (", known ? "two sizes" : stb::stbi_failure_reason(), ")");
  const std::unique_ptr<stb::stbi_uc, void (*)(void*)> pixels(
      stb::stbi_load_from_memory(bytes.data(), size, &width, &height, &in_file, channels),
      &stb::stbi_image_free);
  check_memory(header, memory.exceeded(), most_bytes, name);
  require<FileError>(pixels != nullptr, name, ": expected a whole image, got a broken one (",
                     stb::stbi_failure_reason(), ")");
  return upright({pixels.get(), static_cast<std::size_t>(channels * header.pixels())}, header);
}

/// Decodes an image file of a known format, whose header passes the checks.
class ImageDecoder {
 public:
  ImageDecoder(std::span<const std::uint8_t> bytes, const std::string& name,
               const ImageOptions& options)
      : bytes_(bytes), name_(name), options_(options) {}

  Tensor<std::uint8_t> decode() const {
    // The most pixels in a byte: PNG packs 8 pixels of one bit into a byte and deflate 1032 bytes
    // into one; JPEG writes an 8x8 block in one bit at best; GIF has a code of 12 bits for a string
    // of 4096, a packed TGA two bytes for 128; BMP, PPM and PGM pack nothing but bits.
    if (is_png(bytes_)) {
      return with_stb(check_png(bytes_, name_), Index{8} * 1032,
                      [&] { return png_splices(bytes_); });
    }
    if (is_jpeg(bytes_)) {
      const JpegCheck jpeg(bytes_, name_);
      check_scans(jpeg.scans(), jpeg.header().pixels(), name_);
      return with_stb(jpeg.header(), 512, [&] { return jpeg_splices(jpeg); });
    }
    if (is_bmp(bytes_)) {
      return with_stb(check_bmp(bytes_, name_), 8, [&] { return bmp_splices(bytes_); });
    }
    if (is_gif(bytes_)) {
      return by_itself<GifDecoder>(2731);
    }
    if (is_pnm(bytes_)) {
      return by_itself<PnmDecoder>(1);
    }
    // Last: it has no mark of its own.
    require<FileError>(is_tga(bytes_), name_, ": expected a ", image_formats,
                       " image, got none (its first bytes are another's)");
    return by_itself<TgaDecoder>(64);
  }

 private:
  Index most_bytes(const ImageHeader& header) const {
    const Index given = options_.limits.memory;
    return given > 0 ? given : decoding_memory(header, std::ssize(bytes_));
  }

  void check_limits(const ImageHeader& header, Index most_pixels_a_byte) const {
    check_size(header, std::ssize(bytes_), most_pixels_a_byte, options_.limits, name_);
    check_memory(header, false, most_bytes(header), name_);
  }

  template <class Splices>
  Tensor<std::uint8_t> with_stb(ImageHeader header, Index most_pixels_a_byte,
                                const Splices& splices) const {
    check_limits(header, most_pixels_a_byte);
    if (options_.ignore_orientation) {
      header.orientation = 1;
    }
    const auto mended = splices();
    if (mended.empty()) {
      return decode_with_stb(bytes_, header, most_bytes(header), name_);
    }
    const auto file = spliced(bytes_, mended);
    return decode_with_stb(file, header, most_bytes(header) - std::ssize(file), name_);
  }

  template <class Decoder>
  Tensor<std::uint8_t> by_itself(Index most_pixels_a_byte) const {
    Decoder decoder(bytes_, name_);
    check_limits(decoder.header(), most_pixels_a_byte);
    return upright(decoder.pixels(), decoder.header());
  }

  std::span<const std::uint8_t> bytes_;
  const std::string& name_;
  const ImageOptions& options_;
};

}  // namespace detail

/// Decodes an image that was read into memory, of any of `image_formats`: (H, W, 3), red, green,
/// blue. Grey is repeated, transparency is left out, a GIF's first picture counts. The picture is
/// turned as its EXIF orientation says. `name` is for messages. Throws FileError when the file is
/// damaged, none of these or beyond the limits.
inline Tensor<std::uint8_t> decode_image(std::span<const std::uint8_t> bytes,
                                         const std::string& name,
                                         const ImageOptions& options = {}) {
  // As many as stb_image counts, and a palette's more.
  constexpr Index longest = std::numeric_limits<int>::max() - 4 * Index{detail::most_colours};
  require<FileError>(std::ssize(bytes) <= longest, name,
                     ": expected an image file below 2 GB, got ", bytes.size(), " bytes");
  return detail::ImageDecoder(bytes, name, options).decode();
}

/// Reads an image file: (H, W, 3). Throws FileError; see decode_image.
inline Tensor<std::uint8_t> read_image(const std::string& path, const ImageOptions& options = {}) {
  return decode_image(read_file(path, options.limits.file_bytes), path, options);
}

/// Reads an image file as (height, width, 3): its middle, resized. Throws FileError; see
/// decode_image.
inline Tensor<std::uint8_t> read_image(const std::string& path, Index height, Index width,
                                       const ImageOptions& options = {}) {
  return resize(crop_to_aspect(read_image(path, options), height, width), height, width);
}

}  // namespace data
CNNRNN_NAMESPACE_END
