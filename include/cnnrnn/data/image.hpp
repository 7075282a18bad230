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
#include "cnnrnn/data/bmp_check.hpp"
#include "cnnrnn/data/jpeg_check.hpp"
#include "cnnrnn/data/palette.hpp"
#include "cnnrnn/data/png_check.hpp"
#include "cnnrnn/data/resize.hpp"
#include "cnnrnn/data/stb_image.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How large an image file may be, packed and unpacked.
struct ImageLimits {
  Index file_bytes = Index{1} << 26;
  Index pixels = Index{1} << 26;
  Index memory = 0;  ///< that unpacking may take, in bytes; 0: most_memory of the file
};

namespace detail {

inline bool is_jpeg(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
}

/// The most pixels that an image file of so many bytes can hold. PNG packs 8 pixels of one bit into
/// a byte and deflate 1032 bytes into one; JPEG writes an 8x8 block in one bit at best; BMP packs
/// nothing but bits.
inline Index most_pixels(std::span<const std::uint8_t> bytes) {
  return std::ssize(bytes) * (is_bmp(bytes) ? 8 : is_jpeg(bytes) ? 512 : 8 * 1032);
}

/// stb_image goes through all of a JPEG's picture for each scan: they must be few.
inline void check_scans(Index scans, Index pixels, const std::string& name) {
  constexpr Index most_work = Index{1} << 26;
  constexpr Index usual_scans = 16;
  require<FileError>(scans <= usual_scans || scans * pixels <= most_work, name,
                     ": expected at most ", usual_scans, " scans of a JPEG of ", pixels,
                     " pixels, got ", scans);
}

}  // namespace detail

/// Decodes a PNG, JPEG or BMP image that was read into memory: (H, W, 3), red, green, blue. Grey is
/// repeated, transparency is left out. `name` is for messages. Throws FileError with stb_image's
/// reason.
inline Tensor<std::uint8_t> decode_image(std::span<const std::uint8_t> bytes,
                                         const std::string& name, const ImageLimits& limits = {}) {
  constexpr int channels = 3;
  constexpr Index longest = std::numeric_limits<int>::max() - 4 * Index{detail::most_colours};
  require<FileError>(std::ssize(bytes) <= longest, name,
                     ": expected an image file below 2 GB, got ", bytes.size(), " bytes");
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int in_file = 0;
  const Index most_bytes = limits.memory > 0 ? limits.memory : most_memory(std::ssize(bytes));
  detail::StbMemory memory(static_cast<std::size_t>(most_bytes));
  // What stb_image would take beside these has not gone through the checks below.
  require<FileError>(
      detail::is_png(bytes) || detail::is_jpeg(bytes) || detail::is_bmp(bytes), name,
      ": expected a PNG, JPEG or BMP image, got none (its first bytes are another's)");
  if (detail::is_png(bytes)) {
    detail::check_png(bytes, name);
  }
  const Index scans = detail::is_jpeg(bytes) ? detail::JpegCheck(bytes, name).scans() : 0;
  const bool known = stb::stbi_info_from_memory(bytes.data(), size, &width, &height, &in_file) != 0;
  require<FileError>(known, name, ": expected a PNG, JPEG or BMP image, got none (",
                     stb::stbi_failure_reason(), ")");
  const Index rows = std::abs(Index{height});  // a BMP with its first row on top has a negative one
  const Index pixels_in_file = width * rows;
  require<FileError>(width > 0 && rows > 0, name, ": expected an image of at least 1x1, got ",
                     width, 'x', rows);
  const Index most = std::min(limits.pixels, detail::most_pixels(bytes));
  require<FileError>(pixels_in_file <= most, name, ": expected at most ", most, " pixels, got ",
                     width, 'x', rows);
  if (detail::is_bmp(bytes)) {
    detail::check_bmp(bytes, width, rows, name);
  }
  detail::check_scans(scans, pixels_in_file, name);
  const auto whole = detail::with_whole_palette(bytes);
  const auto decoded = whole.empty() ? bytes : std::span(whole);
  // What stb_image gives, and the tensor, whose memory may be a quarter larger than itself.
  require<FileError>(channels * pixels_in_file / 4 * 9 + std::ssize(whole) <= most_bytes, name,
                     ": expected to need at most ", most_bytes, " bytes, got an image of ", width,
                     'x', rows, " that needs more");
  const std::unique_ptr<stb::stbi_uc, void (*)(void*)> pixels(
      stb::stbi_load_from_memory(decoded.data(), static_cast<int>(decoded.size()), &width, &height,
                                 &in_file, channels),
      &stb::stbi_image_free);
  require<FileError>(!memory.exceeded(), name, ": expected to need at most ", most_bytes,
                     " bytes, got an image of ", width, 'x', rows, " that needs more");
  require<FileError>(pixels != nullptr, name, ": expected a whole image, got a broken one (",
                     stb::stbi_failure_reason(), ")");
  const Shape shape{height, width, channels};
  return {shape,
          std::span<const std::uint8_t>(pixels.get(), static_cast<std::size_t>(shape.size()))};
}

/// Reads a PNG, JPEG or BMP file: (H, W, 3). Throws FileError; see decode_image.
inline Tensor<std::uint8_t> read_image(const std::string& path, const ImageLimits& limits = {}) {
  return decode_image(read_file(path, limits.file_bytes), path, limits);
}

/// Reads an image file of any size as (height, width, 3): its middle, resized. Throws FileError.
inline Tensor<std::uint8_t> read_image(const std::string& path, Index height, Index width,
                                       const ImageLimits& limits = {}) {
  return resize(crop_to_aspect(read_image(path, limits), height, width), height, width);
}

}  // namespace data
CNNRNN_NAMESPACE_END
