#pragma once

#include <cstdint>
#include <string>

#include "cnnrnn/data/dataset.hpp"
#include "cnnrnn/io/file.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#if __has_include(<stb/stb_image_write.h>)
#include <stb/stb_image_write.h>
#else
#include <stb_image_write.h>
#endif
#pragma GCC diagnostic pop

namespace program {

/// Writes pixels (height, width, channels), of one to four channels, as a PNG file. Throws
/// FileError.
inline void write_png(const std::string& path, const cnnrnn::Tensor<std::uint8_t>& pixels) {
  const auto height = static_cast<int>(pixels.dim(0));
  const auto width = static_cast<int>(pixels.dim(1));
  const auto channels = static_cast<int>(pixels.dim(2));
  std::string bytes;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data),
                                          static_cast<std::size_t>(size));
  };
  const int made = stbi_write_png_to_func(append, &bytes, width, height, channels, pixels.data(),
                                          width * channels);
  cnnrnn::require<cnnrnn::FileError>(made != 0, path, ": cannot make the image");
  cnnrnn::io::write_text(path, bytes);
}

/// Image number `index` of a data set: (H, W, C).
inline cnnrnn::Tensor<std::uint8_t> image_of(const cnnrnn::data::ImageDataset& dataset,
                                             cnnrnn::Index index) {
  const cnnrnn::Shape shape{dataset.height(), dataset.width(), dataset.channels()};
  const auto size = static_cast<std::size_t>(shape.size());
  return {shape, dataset.images.span().subspan(static_cast<std::size_t>(index) * size, size)};
}

}  // namespace program
