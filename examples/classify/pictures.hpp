#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "cnnrnn/data/image.hpp"
#include "cnnrnn/data/prepare.hpp"
#include "cnnrnn/data/transform.hpp"
#include "models/zoo/by_name.hpp"

namespace classify {

/// How images are prepared; 0 or nothing: as the network was trained.
struct PictureOptions {
  cnnrnn::Index resize = 0;  ///< the shorter side
  cnnrnn::Index crop = 0;    ///< height and width of the middle
  std::vector<double> mean;
  std::vector<double> standard_deviation;
};

/// Makes of images what a network takes, as torchvision's transforms for its weights do.
template <class T>
class Pictures {
 public:
  Pictures(const ZooClassifier<T>& network, cnnrnn::Index channels, PictureOptions options)
      : channels_(channels),
        resize_(options.resize > 0 ? options.resize : usual_resize(network.image)),
        crop_(options.crop > 0 ? options.crop : network.image),
        normalize_(statistics(channels, options), channels) {
    cnnrnn::require<cnnrnn::ValueError>(crop_ <= resize_, "expected a --crop of at most --resize, ",
                                        resize_, ", got ", crop_);
  }

  /// An image file as (1, crop, crop, channels). Throws FileError if it cannot be read, or is so
  /// thin that it would become too large.
  cnnrnn::Variable<T> read(const std::string& file,
                           const cnnrnn::data::ImageOptions& options) const {
    using namespace cnnrnn;
    const auto image = data::read_image(file, options);
    const Index shorter = std::min(image.dim(0), image.dim(1));
    const Index height = image.dim(0) * resize_ / shorter;
    const Index width = image.dim(1) * resize_ / shorter;
    require<FileError>(height <= options.limits.pixels / width, file, ": expected at most ",
                       options.limits.pixels, " pixels once its shorter side is ", resize_,
                       ", got ", height, 'x', width);
    const auto middle = data::center_crop(data::resize_shorter_side(image, resize_), crop_, crop_);
    const auto pixels = data::prepare(middle, {.height = crop_,
                                               .width = crop_,
                                               .padded_height = crop_,
                                               .padded_width = crop_,
                                               .grey = channels_ == 1});
    Tensor<T> x({1, crop_, crop_, channels_});
    normalize_(pixels.data(), crop_ * crop_, x.mutable_data());
    return Variable<T>(x);
  }

 private:
  /// 256 for the 224 of ImageNet; small images are not cut.
  static cnnrnn::Index usual_resize(cnnrnn::Index image) { return image == 224 ? 256 : image; }

  static cnnrnn::data::ChannelStatistics statistics(cnnrnn::Index channels,
                                                    const PictureOptions& options) {
    auto result = cnnrnn::data::imagenet_statistics();
    if (channels == 1) {
      result.mean = {0.1307};
      result.standard_deviation = {0.3081};
    }
    if (!options.mean.empty()) {
      result.mean = options.mean;
    }
    if (!options.standard_deviation.empty()) {
      result.standard_deviation = options.standard_deviation;
    }
    return result;
  }

  cnnrnn::Index channels_;
  cnnrnn::Index resize_;
  cnnrnn::Index crop_;
  cnnrnn::data::Normalizer<T> normalize_;
};

}  // namespace classify
