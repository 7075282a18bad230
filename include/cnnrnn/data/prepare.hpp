#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/idx.hpp"
#include "cnnrnn/data/resize.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How an image of any size becomes one that a network takes: its middle, in the proportions height
/// : width, is resized to height x width, made grey if the network knows only grey images, and put
/// in the middle of a black image of padded_height x padded_width.
struct Preparation {
  Index height = 32;         ///< to which the middle is resized, in pixels
  Index width = 32;          ///< to which the middle is resized, in pixels
  Index padded_height = 32;  ///< of the image in all
  Index padded_width = 32;   ///< of the image in all
  bool grey = false;         ///< grey, in all channels

  friend bool operator==(const Preparation&, const Preparation&) = default;
};

namespace detail {

/// Brightness as JPEG defines it (ITU-R BT.601), rounded; grey stays what it was.
inline std::uint8_t brightness(const std::uint8_t* pixel) {
  return static_cast<std::uint8_t>((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000);
}

/// An image (H, W, 3) as (H, W, 1).
inline Tensor<std::uint8_t> to_grey(const Tensor<std::uint8_t>& image) {
  Tensor<std::uint8_t> grey(image.shape().with(-1, 1));
  const std::uint8_t* pixel = image.data();
  for (std::uint8_t& value : grey.mutable_span()) {
    value = brightness(pixel);
    pixel += 3;
  }
  return grey;
}

/// An image (H, W, 1) or (H, W, 3) before it is padded: (height, width, 1) or (height, width, 3).
inline Tensor<std::uint8_t> to_size_and_colour(const Tensor<std::uint8_t>& image,
                                               const Preparation& preparation) {
  const auto [height, width] = std::pair(preparation.height, preparation.width);
  const auto resized = resize(crop_to_aspect(image, height, width), height, width);
  return preparation.grey && image.dim(2) == 3 ? to_grey(resized) : resized;
}

inline void check_preparation(const Preparation& p, Index channels) {
  require<ValueError>(
      p.height > 0 && p.width > 0 && p.padded_height >= p.height && p.padded_width >= p.width,
      "prepare: expected a positive size and one to pad it to, got ", p.height, 'x', p.width,
      " and ", p.padded_height, 'x', p.padded_width);
  require<ValueError>(channels == 1 || channels == 3,
                      "prepare: expected images of 1 or 3 channels, got ", channels);
}

}  // namespace detail

/// The data set with every image prepared: (N, padded_height, padded_width, 3). Throws ValueError
/// unless it has one channel or three and the preparation can be.
inline ImageDataset prepare(const ImageDataset& dataset, const Preparation& preparation) {
  detail::check_preparation(preparation, dataset.channels());
  ImageDataset result = dataset;
  const Shape size{dataset.height(), dataset.width(), dataset.channels()};
  const Index channels = preparation.grey ? 1 : dataset.channels();
  const Shape wanted{preparation.height, preparation.width, channels};
  if (size != wanted) {
    result.images = Tensor<std::uint8_t>(
        Shape{dataset.size(), preparation.height, preparation.width, channels});
    std::uint8_t* to = result.images.mutable_data();
    auto from = dataset.images.span();
    for (; !from.empty(); from = from.subspan(static_cast<std::size_t>(size.size()))) {
      const auto image = detail::to_size_and_colour(
          {size, from.first(static_cast<std::size_t>(size.size()))}, preparation);
      to = std::copy_n(image.data(), image.size(), to);
    }
  }
  result = pad_to(result, preparation.padded_height, preparation.padded_width);
  return channels == 1 ? repeat_channels(result, 3) : result;
}

/// An image (H, W, 1) or (H, W, 3), prepared as those of a data set: (padded_height, padded_width,
/// 3). Throws ShapeError, ValueError.
inline Tensor<std::uint8_t> prepare(const Tensor<std::uint8_t>& image,
                                    const Preparation& preparation) {
  detail::require_image(image, preparation.height, preparation.width, "prepare");
  const ImageDataset alone{.images = image.reshape({1, image.dim(0), image.dim(1), image.dim(2)}),
                           .labels = Tensor<Index>::zeros(Shape{1}),
                           .class_names = {""},
                           .name = "the image"};
  return prepare(alone, preparation)
      .images.reshape({preparation.padded_height, preparation.padded_width, 3});
}

/// A prepared image (padded_height, padded_width, C) without its padding: (height, width, C). To
/// prepare that again gives the same image. Throws ShapeError for another size.
inline Tensor<std::uint8_t> without_padding(const Tensor<std::uint8_t>& image,
                                            const Preparation& preparation) {
  const auto& p = preparation;
  require<ShapeError>(
      image.rank() == 3 && image.dim(0) == p.padded_height && image.dim(1) == p.padded_width,
      "without_padding: expected an image of ", p.padded_height, 'x', p.padded_width, ", got ",
      image.shape());
  const Index channels = image.dim(2);
  const Index top = (p.padded_height - p.height) / 2;
  const Index left = (p.padded_width - p.width) / 2;
  Tensor<std::uint8_t> result(Shape{p.height, p.width, channels});
  std::uint8_t* to = result.mutable_data();
  for (Index y = top; y < top + p.height; ++y) {
    to = std::copy_n(image.data() + (y * p.padded_width + left) * channels, p.width * channels, to);
  }
  return result;
}

}  // namespace data
CNNRNN_NAMESPACE_END
