#pragma once

#include <array>
#include <cstdint>
#include <string>

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#if __has_include(<stb/stb_image_write.h>)
#include <stb/stb_image_write.h>
#else
#include <stb_image_write.h>
#endif
#pragma GCC diagnostic pop

#include "cnnrnn/core/tensor.hpp"
#include "support/catch.hpp"

/// Writes an image (H, W, C) as PNG, BMP or JPEG, by the suffix of the path.
inline void write_image(const std::string& path, const cnnrnn::Tensor<std::uint8_t>& image) {
  const auto [height, width, channels] =
      std::array{static_cast<int>(image.dim(0)), static_cast<int>(image.dim(1)),
                 static_cast<int>(image.dim(2))};
  if (path.ends_with(".png")) {
    REQUIRE(stbi_write_png(path.c_str(), width, height, channels, image.data(), 0) != 0);
  } else if (path.ends_with(".bmp")) {
    REQUIRE(stbi_write_bmp(path.c_str(), width, height, channels, image.data()) != 0);
  } else {
    REQUIRE(stbi_write_jpg(path.c_str(), width, height, channels, image.data(), 95) != 0);
  }
}

/// An image (height, width, channels) of smooth colours.
inline cnnrnn::Tensor<std::uint8_t> smooth_image(cnnrnn::Index height, cnnrnn::Index width,
                                                 cnnrnn::Index channels) {
  cnnrnn::Tensor<std::uint8_t> image(cnnrnn::Shape{height, width, channels});
  std::uint8_t* value = image.mutable_data();
  for (cnnrnn::Index y = 0; y < height; ++y) {
    for (cnnrnn::Index x = 0; x < width; ++x) {
      for (cnnrnn::Index c = 0; c < channels; ++c) {
        *value++ = static_cast<std::uint8_t>((40 + 60 * c + 3 * x + 5 * y * (c % 2)) % 250);
      }
    }
  }
  return image;
}
