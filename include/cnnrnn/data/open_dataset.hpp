#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/cifar.hpp"
#include "cnnrnn/data/fashion_mnist.hpp"
#include "cnnrnn/data/image_folder.hpp"
#include "cnnrnn/data/prepare.hpp"
#include "cnnrnn/data/synthetic.hpp"
#include "cnnrnn/system/process.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Which data set is opened, the size that its images are brought to, what is drawn when nothing is
/// found, where Fashion-MNIST lies, and how image files are read.
struct OpenOptions {
  Index height = 32;                                 ///< of the images, in pixels
  Index width = 32;                                  ///< of the images, in pixels
  SyntheticOptions synthetic = {};                   ///< what is drawn when nothing is found
  std::string fashion_mnist = debian_fashion_mnist;  ///< the folder of Fashion-MNIST
  std::string kind = "auto";  ///< one of dataset_kinds(); auto: by what is in the folder
  /// How the images are brought to a network's size and colours; none: as fits the data set.
  std::optional<Preparation> preparation = {};
  bool skip_unreadable = false;  ///< leave out image files that cannot be read
  ImageOptions image = {};       ///< how image files are read
};

/// What OpenOptions::kind may be. `idx` is any data set in MNIST's format, with numbers as classes.
inline std::vector<std::string> dataset_kinds() {
  std::vector<std::string> kinds{"auto", "cifar10", "cifar100"};
  for (const MnistKind& kind : mnist_kinds()) {
    kinds.push_back(kind.option);
  }
  kinds.insert(kinds.end(), {"images", "synthetic"});
  return kinds;
}

/// A data set and where it came from: a folder, or "drawn by this program".
struct OpenedDataset {
  Split split;                          ///< the images for training and for testing
  std::string where;                    ///< the folder, or "drawn by this program"
  std::string kind;                     ///< one of dataset_kinds(), never auto
  Preparation preparation = {};         ///< that its images went through
  LeftOut left_out = {};                ///< of a folder of images
  std::vector<std::string> notes = {};  ///< a line each, about what a user may not expect

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

/// What was asked for, or else the images as they are, in the middle of the size.
inline Preparation preparation_of(const ImageDataset& grey, const OpenOptions& options) {
  return options.preparation.value_or(Preparation{.height = grey.height(),
                                                  .width = grey.width(),
                                                  .padded_height = options.height,
                                                  .padded_width = options.width,
                                                  .grey = true});
}

/// Images of one channel, such as MNIST's, as a network for colour images takes them.
inline ImageDataset as_colour(const ImageDataset& grey, const std::string& folder,
                              const OpenOptions& options) {
  const Preparation p = preparation_of(grey, options);
  require<FileError>(
      grey.channels() == 1 && p.height <= p.padded_height && p.width <= p.padded_width, grey.name,
      " in ", folder, ": expected images of one channel and at most ", p.padded_height, 'x',
      p.padded_width, ", got ", grey.images.shape());
  // Dots would become a thousand times what they were in the file: padded, then coloured.
  const Index pixels = grey.size() * p.padded_height * p.padded_width;
  require<FileError>(4 * pixels <= most_memory(grey.images.size()), grey.name, " in ", folder,
                     ": expected images that fill a part of ", p.padded_height, 'x', p.padded_width,
                     ", got ", grey.images.shape());
  return prepare(grey, p);
}

/// A data set of colour images, prepared if that was asked for.
inline OpenedDataset open_colour(Split split, const std::string& where, const std::string& kind,
                                 const OpenOptions& options) {
  OpenedDataset opened{.split = std::move(split), .where = where, .kind = kind};
  const ImageDataset& train = opened.split.train;
  opened.preparation = options.preparation.value_or(Preparation{.height = train.height(),
                                                                .width = train.width(),
                                                                .padded_height = train.height(),
                                                                .padded_width = train.width()});
  if (options.preparation.has_value()) {
    opened.split = {.train = prepare(opened.split.train, opened.preparation),
                    .test = prepare(opened.split.test, opened.preparation)};
  }
  return opened;
}

/// Where files of MNIST's format may be: in the folder, or as torchvision puts them.
inline std::vector<std::string> find_mnist(const std::string& folder) {
  std::vector<std::string> places;
  for (const char* const below : {"", "/raw", "/MNIST/raw", "/FashionMNIST/raw", "/KMNIST/raw"}) {
    if (is_mnist(folder + below)) {
      places.push_back(folder + below);
    }
  }
  return places;
}

/// The place with the data set that is asked for: the first, if any will do; else one that is known
/// to be it; else one that may be it.
inline std::string choose_mnist(const std::vector<std::string>& places, const std::string& kind) {
  if (kind == "auto" || kind == "idx") {
    return places.front();
  }
  std::optional<std::string> unknown;
  for (const std::string& place : places) {
    const std::string found = mnist_kind(place).option;
    if (found == kind) {
      return place;
    }
    unknown = found == "idx" && !unknown.has_value() ? place : unknown;
  }
  require<FileError>(unknown.has_value(), places.front(), ": expected ", kind, ", got ",
                     mnist_kind(places.front()).name, ", by its labels");
  return *unknown;
}

inline const MnistKind* mnist_kind_named(const std::string& option) {
  const auto found = std::ranges::find(mnist_kinds(), option, &MnistKind::option);
  return found == mnist_kinds().end() ? nullptr : &*found;
}

inline OpenedDataset open_mnist(const std::vector<std::string>& places,
                                const OpenOptions& options) {
  const std::string place = choose_mnist(places, options.kind);
  const MnistKind* const asked = mnist_kind_named(options.kind);
  const MnistKind& kind = asked != nullptr ? *asked : mnist_kind(place);
  const Split grey = read_mnist(place, kind.class_names, kind.name);
  OpenedDataset opened{.split = {.train = as_colour(grey.train, place, options),
                                 .test = as_colour(grey.test, place, options)},
                       .where = place,
                       .kind = kind.option,
                       .preparation = preparation_of(grey.train, options)};
  if (asked == nullptr && kind.option == "idx") {
    opened.notes.emplace_back(
        "these are not the labels of MNIST or Fashion-MNIST, so the classes have numbers for "
        "names; "
        "the kind mnist, fashion-mnist or kmnist gives them its own");
  }
  return opened;
}

inline OpenedDataset open_images(const std::string& folder, const OpenOptions& options) {
  OpenedDataset opened{.split = {}, .where = folder, .kind = "images"};
  const ImageFolderOptions reading{.height = options.height,
                                   .width = options.width,
                                   .image = options.image,
                                   .preparation = options.preparation,
                                   .skip_unreadable = options.skip_unreadable};
  opened.split = read_image_folder(folder, reading, &opened.left_out);
  opened.preparation = preparation_of(reading);
  if (!opened.left_out.passed_over.empty()) {
    opened.notes.push_back("passed over, since they are no images of a class: " +
                           describe(opened.left_out.passed_over));
  }
  if (!opened.left_out.parts.empty()) {
    opened.notes.push_back("not used: " + joined(opened.left_out.parts));
  }
  if (!opened.left_out.unreadable.empty()) {
    opened.notes.push_back(to_message(
        "left out, since they cannot be read: ", opened.left_out.unreadable.size(), " files"));
  }
  return opened;
}

/// The data sets in a folder, in the order of preference: kinds of CIFAR, folders of MNIST's.
inline std::vector<std::string> data_sets_in(const std::string& folder) {
  std::vector<std::string> found = find_mnist(folder);
  if (is_cifar100(folder)) {
    found.insert(found.begin(), "CIFAR-100");
  }
  if (is_cifar10(folder)) {
    found.insert(found.begin(), "CIFAR-10");
  }
  return found;
}

/// torchvision downloads CIFAR in Python's own format.
inline bool is_python_cifar(const std::string& folder) {
  return std::ranges::any_of(
      std::array{"/data_batch_1", "/cifar-10-batches-py/data_batch_1", "/cifar-100-python/train"},
      [&](const char* file) { return is_readable_file(folder + file); });
}

}  // namespace detail

/// Reads the data set in a folder, whichever of the known kinds it is: CIFAR-10, CIFAR-100, a data
/// set in MNIST's format (in the middle of 32x32, repeated to three channels; known by its labels),
/// or a folder of images by class. A folder that holds some of them as torchvision does, such as in
/// MNIST/raw, will do. Throws ValueError for an unknown OpenOptions::kind and FileError, which
/// lists the kinds, when it is none.
inline OpenedDataset open_dataset_folder(const std::string& folder,
                                         const OpenOptions& options = {}) {
  const auto kinds = dataset_kinds();
  require<ValueError>(std::ranges::find(kinds, options.kind) != kinds.end(),
                      "expected a data set of the kind ", detail::joined(kinds), ", got ",
                      options.kind);
  require<FileError>(detail::is_folder(folder), folder, ": expected a folder, found none");
  const auto may_be = [&](const std::string& kind) {
    return options.kind == "auto" || options.kind == kind;
  };
  const auto found = [&](OpenedDataset opened) {
    const auto all = detail::data_sets_in(folder);
    if (options.kind == "auto" && all.size() > 1) {
      opened.notes.push_back(
          folder +
          " holds more than one data set, of which this is the first: " + detail::joined(all));
    }
    return opened;
  };
  if (may_be("cifar10") && is_cifar10(folder)) {
    return found(detail::open_colour(read_cifar10(folder), folder, "cifar10", options));
  }
  if (may_be("cifar100") && is_cifar100(folder)) {
    return found(detail::open_colour(read_cifar100(folder), folder, "cifar100", options));
  }
  const bool may_be_mnist =
      options.kind == "auto" || detail::mnist_kind_named(options.kind) != nullptr;
  const auto places = may_be_mnist ? detail::find_mnist(folder) : std::vector<std::string>();
  if (!places.empty()) {
    return found(detail::open_mnist(places, options));
  }
  if (options.kind == "images" || (may_be("images") && is_image_folder(folder))) {
    return detail::open_images(folder, options);
  }
  require<FileError>(!detail::is_python_cifar(folder), folder,
                     ": expected CIFAR's binary version (cifar-10-binary.tar.gz, "
                     "cifar-100-binary.tar.gz), got its Python version");
  require<FileError>(options.kind == "auto", folder, ": expected ", options.kind,
                     ", found no such data set");
  throw FileError(
      folder +
      ": expected CIFAR-10 (data_batch_1.bin ... test_batch.bin), CIFAR-100 (train.bin, test.bin), "
      "MNIST or Fashion-MNIST (train-images-idx3-ubyte[.gz] ...), or a folder of images (" +
      joined_image_suffixes() + ") for each class, found none of these");
}

/// What `--data` names: a folder (see open_dataset_folder) or `auto`. That is the data set in
/// $CNNRNN_DATA_DIR if it is set, else CIFAR-10 from ./data if it is there, else Fashion-MNIST from
/// Debian's package, else images that the program draws; or, with a kind, the first of these that
/// is of it. Throws FileError, also if $CNNRNN_DATA_DIR holds none.
inline OpenedDataset open_dataset(const std::string& data, const OpenOptions& options = {}) {
  if (data != "auto") {
    return open_dataset_folder(data, options);
  }
  const auto may_be = [&](const char* kind) {
    return options.kind == "auto" || options.kind == kind;
  };
  const std::string named = os::environment("CNNRNN_DATA_DIR").value_or("");
  if (!named.empty() && options.kind != "synthetic") {
    try {
      return open_dataset_folder(named, options);
    } catch (const FileError& error) {
      throw FileError(to_message("$CNNRNN_DATA_DIR: ", error.what()));
    }
  }
  if (may_be("cifar10") && is_cifar10("data")) {
    return open_dataset_folder("data", options);
  }
  if (may_be("fashion-mnist") && is_mnist(options.fashion_mnist)) {
    OpenOptions known = options;
    known.kind = "fashion-mnist";
    return open_dataset_folder(options.fashion_mnist, known);
  }
  if (may_be("synthetic")) {
    return detail::open_colour(synthetic_images(options.synthetic), "this program's own drawing",
                               "synthetic", options);
  }
  return open_dataset_folder("data", options);
}

}  // namespace data
CNNRNN_NAMESPACE_END
