#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/data/binary_file.hpp"
#include "cnnrnn/data/resize.hpp"
#include "cnnrnn/data/stb_image.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How large an image file may be, packed and unpacked.
struct ImageLimits {
  Index file_bytes = Index{1} << 26;
  Index pixels = Index{1} << 26;
};

/// Decodes a PNG, JPEG or BMP image that was read into memory: (H, W, 3), red, green, blue. Grey is
/// repeated, transparency is left out. `name` is for messages. Throws FileError with stb_image's
/// reason. stb_image is for files that are trusted.
inline Tensor<std::uint8_t> decode_image(std::span<const std::uint8_t> bytes,
                                         const std::string& name, const ImageLimits& limits = {}) {
  constexpr int channels = 3;
  require<FileError>(std::ssize(bytes) <= std::numeric_limits<int>::max(), name,
                     ": expected an image file below 2 GB, got ", bytes.size(), " bytes");
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int in_file = 0;
  const bool known = stb::stbi_info_from_memory(bytes.data(), size, &width, &height, &in_file) != 0;
  require<FileError>(known, name, ": expected a PNG, JPEG or BMP image, got none (",
                     stb::stbi_failure_reason(), ")");
  require<FileError>(Index{width} * height <= limits.pixels, name, ": expected at most ",
                     limits.pixels, " pixels, got ", width, 'x', height);
  const std::unique_ptr<stb::stbi_uc, void (*)(void*)> pixels(
      stb::stbi_load_from_memory(bytes.data(), size, &width, &height, &in_file, channels),
      &stb::stbi_image_free);
  require<FileError>(pixels != nullptr, name, ": broken image (", stb::stbi_failure_reason(), ")");
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
