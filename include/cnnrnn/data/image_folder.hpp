#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cnnrnn/data/dataset.hpp"
#include "cnnrnn/data/image.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The size every image is brought to, how a folder without parts of its own is split, and how the
/// files are read.
struct ImageFolderOptions {
  Index height = 32;
  Index width = 32;
  Index test_every = 5;  ///< of each class, every 5th image is for testing
  ImageOptions image = {};
};

namespace detail {

/// What is in a folder and is `wanted`, sorted by name; hidden entries are left out.
template <class Wanted>
std::vector<std::filesystem::path> list_folder(const std::string& folder, const Wanted& wanted) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.') && wanted(*entry)) {
      found.push_back(entry->path());
    }
  }
  require<FileError>(!error, "cannot read the folder ", folder, ": ", error.message());
  std::ranges::sort(found);
  return found;
}

inline std::vector<std::filesystem::path> list_images(const std::string& folder) {
  return list_folder(folder, [](const std::filesystem::directory_entry& entry) {
    return has_image_suffix(entry.path()) && !entry.is_directory();
  });
}

/// The folders in `folder` that hold images.
inline std::vector<std::filesystem::path> list_classes(const std::string& folder) {
  return list_folder(folder, [](const std::filesystem::directory_entry& entry) {
    return entry.is_directory() && !list_images(entry.path().string()).empty();
  });
}

inline bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace detail

/// Whether `folder` has at least two folders with images: classes, or in train/ and test/.
inline bool is_image_folder(const std::string& folder) {
  return detail::is_folder(folder) &&
         (detail::list_classes(folder).size() >= 2 ||
          (detail::is_folder(folder + "/train") && detail::is_folder(folder + "/test")));
}

/// A folder of images by class: folder/CLASS/*, whose names end in one of `image_suffixes`, classes
/// and files in the order of their names, every image cut to the proportions of the size and
/// resized. Throws FileError when there are fewer than two classes or an image cannot be read.
inline ImageDataset read_image_classes(const std::string& folder,
                                       const ImageFolderOptions& options = {}) {
  const auto classes = detail::list_classes(folder);
  require<FileError>(classes.size() >= 2, folder, ": expected at least two folders with images (",
                     joined_image_suffixes(), "), got ", classes.size());
  ImageDataset dataset{.images = {}, .labels = {}, .class_names = {}, .name = folder};
  std::vector<std::pair<std::string, Index>> files;
  for (const auto& path : classes) {
    for (const auto& image : detail::list_images(path.string())) {
      files.emplace_back(image.string(), dataset.classes());
    }
    dataset.class_names.push_back(path.filename().string());
  }
  dataset.images = Tensor<std::uint8_t>(Shape{std::ssize(files), options.height, options.width, 3});
  dataset.labels = Tensor<Index>(Shape{std::ssize(files)});
  std::uint8_t* to = dataset.images.mutable_data();
  Index* label = dataset.labels.mutable_data();
  for (const auto& [path, of_class] : files) {
    const auto image = read_image(path, options.height, options.width, options.image);
    to = std::copy_n(image.data(), image.size(), to);
    *label++ = of_class;
  }
  return dataset;
}

namespace detail {

inline Split split_every(const ImageDataset& dataset, Index test_every) {
  require<ValueError>(test_every >= 2, "image folder: expected test_every of 2 or more, got ",
                      test_every);
  std::vector<Index> train;
  std::vector<Index> test;
  std::vector<Index> seen(static_cast<std::size_t>(dataset.classes()));
  for (Index i = 0; i < dataset.size(); ++i) {
    Index& of_class = seen[static_cast<std::size_t>(dataset.labels.data()[i])];
    (++of_class % test_every == 0 ? test : train).push_back(i);
  }
  require<FileError>(!test.empty(), dataset.name, ": expected at least ", test_every,
                     " images in a class, or folders train and test, got at most ",
                     *std::ranges::max_element(seen));
  return {.train = subset(dataset, train), .test = subset(dataset, test)};
}

inline std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

}  // namespace detail

/// A folder of images by class as training and test images: folder/train/CLASS and
/// folder/test/CLASS, or folder/CLASS with every 5th image of a class for testing. Throws
/// FileError.
inline Split read_image_folder(const std::string& folder, const ImageFolderOptions& options = {}) {
  const std::string train = folder + "/train";
  const std::string test = folder + "/test";
  if (!detail::is_folder(train) || !detail::is_folder(test)) {
    return detail::split_every(read_image_classes(folder, options), options.test_every);
  }
  Split split{.train = read_image_classes(train, options),
              .test = read_image_classes(test, options)};
  require<FileError>(split.train.class_names == split.test.class_names, test,
                     ": expected the classes of train, ", detail::joined(split.train.class_names),
                     ", got ", detail::joined(split.test.class_names));
  split.train.name = split.test.name = folder;
  return split;
}

}  // namespace data
CNNRNN_NAMESPACE_END
