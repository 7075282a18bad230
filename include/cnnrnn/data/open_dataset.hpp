#pragma once

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "cnnrnn/data/cifar.hpp"
#include "cnnrnn/data/fashion_mnist.hpp"
#include "cnnrnn/data/image_folder.hpp"
#include "cnnrnn/data/synthetic.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The size that images are brought to, what is drawn when nothing is found, where Fashion-MNIST
/// lies, and how image files are read.
struct OpenOptions {
  Index height = 32;
  Index width = 32;
  SyntheticOptions synthetic = {};
  std::string fashion_mnist = debian_fashion_mnist;
  ImageOptions image = {};
};

/// A data set and where it came from: a folder, or "drawn by this program".
struct OpenedDataset {
  Split split;
  std::string where;

  /// "CIFAR-10 from data/cifar-10-batches-bin: 50000 training and 10000 test images 32x32x3, 10
  /// classes".
  std::string describe() const {
    const ImageDataset& train = split.train;
    return to_message(train.name, " from ", where, ": ", train.size(), " training and ",
                      split.test.size(), " test images ", train.height(), 'x', train.width(), 'x',
                      train.channels(), ", ", train.classes(), " classes");
  }
};

namespace detail {

/// Images of one channel, such as MNIST's, as a network for colour images takes them.
inline ImageDataset as_colour(const ImageDataset& grey, const std::string& folder,
                              const OpenOptions& options) {
  require<FileError>(
      grey.channels() == 1 && grey.height() <= options.height && grey.width() <= options.width,
      grey.name, " in ", folder, ": expected images of one channel and at most ", options.height,
      'x', options.width, ", got ", grey.images.shape());
  // Dots would become a thousand times what they were in the file: padded, then coloured.
  const Index pixels = grey.size() * options.height * options.width;
  require<FileError>(4 * pixels <= most_memory(grey.images.size()), grey.name, " in ", folder,
                     ": expected images that fill a part of ", options.height, 'x', options.width,
                     ", got ", grey.images.shape());
  return repeat_channels(pad_to(grey, options.height, options.width), 3);
}

inline Split as_colour(const Split& grey, const std::string& folder, const OpenOptions& options) {
  return {.train = as_colour(grey.train, folder, options),
          .test = as_colour(grey.test, folder, options)};
}

}  // namespace detail

/// Reads the data set in a folder, whichever of the known kinds it is: CIFAR-10, CIFAR-100, MNIST
/// or Fashion-MNIST (in the middle of 32x32, repeated to three channels; told from each other by
/// "fashion" in the folder's path), or a folder of images by class. Throws FileError, which lists
/// these kinds when it is none.
inline OpenedDataset open_dataset_folder(const std::string& folder,
                                         const OpenOptions& options = {}) {
  require<FileError>(detail::is_folder(folder), folder, ": expected a folder, found none");
  if (is_cifar10(folder)) {
    return {.split = read_cifar10(folder), .where = folder};
  }
  if (is_cifar100(folder)) {
    return {.split = read_cifar100(folder), .where = folder};
  }
  if (is_mnist(folder)) {
    const bool fashion = folder.find("fashion") != std::string::npos;
    const Split grey =
        fashion ? read_fashion_mnist(folder) : read_mnist(folder, mnist_class_names(), "MNIST");
    return {.split = detail::as_colour(grey, folder, options), .where = folder};
  }
  require<FileError>(is_image_folder(folder), folder,
                     ": expected CIFAR-10 (data_batch_1.bin ... test_batch.bin), CIFAR-100 "
                     "(train.bin, test.bin), MNIST or Fashion-MNIST (train-images-idx3-ubyte[.gz] "
                     "...), or a folder of images for each class, found none of these");
  return {.split = read_image_folder(
              folder, {.height = options.height, .width = options.width, .image = options.image}),
          .where = folder};
}

/// What `--data` names: a folder (see open_dataset_folder) or `auto`. That is CIFAR-10 from
/// $CNNRNN_DATA_DIR or ./data if it is there, else Fashion-MNIST from Debian's package, else images
/// that the program draws. Throws FileError.
inline OpenedDataset open_dataset(const std::string& data, const OpenOptions& options = {}) {
  if (data != "auto") {
    return open_dataset_folder(data, options);
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* const named = std::getenv("CNNRNN_DATA_DIR");
  for (const std::string& folder :
       {std::string(named != nullptr ? named : ""), std::string("data")}) {
    if (!folder.empty() && is_cifar10(folder)) {
      return open_dataset_folder(folder, options);
    }
  }
  if (is_mnist(options.fashion_mnist)) {
    return {.split = detail::as_colour(read_fashion_mnist(options.fashion_mnist),
                                       options.fashion_mnist, options),
            .where = options.fashion_mnist};
  }
  return {.split = synthetic_images(options.synthetic), .where = "this program's own drawing"};
}

}  // namespace data
CNNRNN_NAMESPACE_END
