// The program's own stb_image, with other settings, before and after the library's.
#define STBI_ONLY_BMP
#define STBI_NO_FAILURE_STRINGS
#if __has_include(<stb/stb_image.h>)
#define STB_IMAGE_HEADER <stb/stb_image.h>
#else
#define STB_IMAGE_HEADER <stb_image.h>
#endif
#include STB_IMAGE_HEADER

#include "cnnrnn/data/image.hpp"

#ifdef FAST_BITS
#error "a macro of stb_image came out of data/image.hpp"
#endif

#define STB_IMAGE_IMPLEMENTATION
#include STB_IMAGE_HEADER

cnnrnn::Tensor<std::uint8_t> read_in_another_translation_unit(const std::string& path);

cnnrnn::Tensor<std::uint8_t> read_in_another_translation_unit(const std::string& path) {
  const auto image = cnnrnn::data::read_image(path);
  // A PNG is nothing to the program's own.
  int width = 0;
  int height = 0;
  int channels = 0;
  cnnrnn::require<cnnrnn::Error>(
      stbi_info(path.c_str(), &width, &height, &channels) == 0 && width == 0,
      "the program's stb_image has the library's settings");
  return image;
}
