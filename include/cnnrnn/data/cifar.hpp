#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/binary_file.hpp"
#include "cnnrnn/data/cifar_names.hpp"
#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How many images each file holds: the official numbers, unless a test makes smaller files.
struct Cifar10Options {
  Index images_per_file = 10'000;  ///< in each of the six files
};

/// Which of CIFAR-100's two labels are read, and how many images each file holds.
struct Cifar100Options {
  bool coarse = false;          ///< the 20 superclasses as labels, else the 100 classes
  Index train_images = 50'000;  ///< in train.bin
  Index test_images = 10'000;   ///< in test.bin
};

namespace detail {

inline constexpr Index cifar_side = 32;
inline constexpr Index cifar_pixels = cifar_side * cifar_side;
inline constexpr Index cifar_channels = 3;
inline constexpr Index cifar_image_bytes = cifar_pixels * cifar_channels;

/// What the records of a file look like: some label bytes, one of which counts, then the planes of
/// red, green and blue.
struct CifarRecord {
  Index label_bytes;
  Index label_position;
  Index bytes() const { return label_bytes + cifar_image_bytes; }
};

/// A folder of files, or its parent, in which the archive's own folder lies.
struct CifarFolder {
  std::string archive_folder;
  std::vector<std::string> train_files;
  std::string test_file;
};

inline CifarFolder cifar10_folder() {
  CifarFolder folder{
      .archive_folder = "cifar-10-batches-bin", .train_files = {}, .test_file = "test_batch.bin"};
  for (int batch = 1; batch <= 5; ++batch) {
    folder.train_files.push_back(to_message("data_batch_", batch, ".bin"));
  }
  return folder;
}

inline CifarFolder cifar100_folder() {
  return {
      .archive_folder = "cifar-100-binary", .train_files = {"train.bin"}, .test_file = "test.bin"};
}

/// Where the files are: `folder` or its archive folder, as soon as one file is there.
inline std::optional<std::string> find_cifar(const std::string& folder, const CifarFolder& layout) {
  for (const std::string& place : {folder, folder + '/' + layout.archive_folder}) {
    const auto there = [&](const std::string& file) {
      return is_readable_file(to_message(place, '/', file));
    };
    if (std::ranges::any_of(layout.train_files, there) || there(layout.test_file)) {
      return place;
    }
  }
  return std::nullopt;
}

inline std::string require_cifar(const std::string& folder, const CifarFolder& layout) {
  const auto place = find_cifar(folder, layout);
  require<FileError>(place.has_value(), folder, ": expected ", layout.train_files.front(), " ... ",
                     layout.test_file, " in it or in its folder ", layout.archive_folder,
                     ", found none of them");
  return *place;
}

/// Writes the planes (C, H, W) of a record as an image (H, W, C).
inline void interleave_planes(const std::uint8_t* planes, std::uint8_t* image) {
  for (Index pixel = 0; pixel < cifar_pixels; ++pixel) {
    for (Index channel = 0; channel < cifar_channels; ++channel) {
      image[pixel * cifar_channels + channel] = planes[channel * cifar_pixels + pixel];
    }
  }
}

/// Reads `count` records of a file to where `images` and `labels` point.
inline void read_cifar_records(BinaryFile& file, CifarRecord layout, Index count, Index classes,
                               std::uint8_t* images, Index* labels) {
  std::vector<std::uint8_t> record(static_cast<std::size_t>(layout.bytes()));
  for (Index i = 0; i < count; ++i) {
    file.read(record);
    labels[i] = record[static_cast<std::size_t>(layout.label_position)];
    require<FileError>(labels[i] < classes, file.path(), ": expected labels below ", classes,
                       ", got ", labels[i], " at image ", i);
    interleave_planes(record.data() + layout.label_bytes, images + i * cifar_image_bytes);
  }
}

/// Reads files of `images_per_file` images each as one data set, once every size is right.
inline ImageDataset read_cifar_files(const std::string& folder,
                                     std::span<const std::string> file_names, CifarRecord layout,
                                     Index images_per_file,
                                     const std::vector<std::string>& class_names,
                                     const std::string& name) {
  require<ValueError>(images_per_file > 0, name, ": expected a positive number of images, got ",
                      images_per_file);
  std::vector<BinaryFile> files;
  for (const std::string& file_name : file_names) {
    files.emplace_back(to_message(folder, '/', file_name));
    files.back().expect_size(images_per_file * layout.bytes(),
                             to_message(images_per_file, " images of ", layout.bytes(), " bytes"));
  }
  const Index count = images_per_file * std::ssize(files);
  ImageDataset dataset{
      .images = Tensor<std::uint8_t>(Shape{count, cifar_side, cifar_side, cifar_channels}),
      .labels = Tensor<Index>(Shape{count}),
      .class_names = class_names,
      .name = name};
  std::uint8_t* images = dataset.images.mutable_data();
  Index* labels = dataset.labels.mutable_data();
  for (BinaryFile& file : files) {
    read_cifar_records(file, layout, images_per_file, dataset.classes(), images, labels);
    images += images_per_file * cifar_image_bytes;
    labels += images_per_file;
  }
  return dataset;
}

/// The lines of `path`, one for each class, or the built-in names when there is no such file.
inline std::vector<std::string> read_class_names(const std::string& path,
                                                 std::vector<std::string> built_in) {
  if (!is_readable_file(path)) {
    return built_in;
  }
  std::vector<std::string> names(1);
  for (const std::uint8_t byte : read_file(path, Index{1} << 16)) {
    if (byte != '\n' && byte != '\r') {
      names.back() += static_cast<char>(byte);
    } else if (!names.back().empty()) {
      names.emplace_back();
    }
  }
  if (names.back().empty()) {
    names.pop_back();
  }
  for (const std::string& name : names) {
    // A name is printed, and written to files in JSON.
    require<FileError>(is_printable(name), path,
                       ": expected names in UTF-8 without control characters, got ",
                       printable(name.substr(0, 80)));
  }
  require<FileError>(names.size() == built_in.size(), path, ": expected ", built_in.size(),
                     " class names, got ", names.size());
  return names;
}

}  // namespace detail

/// Whether `folder`, or its folder cifar-10-batches-bin, has files of CIFAR-10.
inline bool is_cifar10(const std::string& folder) {
  return detail::find_cifar(folder, detail::cifar10_folder()).has_value();
}

/// Whether `folder`, or its folder cifar-100-binary, has files of CIFAR-100.
inline bool is_cifar100(const std::string& folder) {
  return detail::find_cifar(folder, detail::cifar100_folder()).has_value();
}

/// CIFAR-10's binary version (Krizhevsky 2009): 50,000 training and 10,000 test images (32, 32, 3).
/// `folder` holds data_batch_1.bin ... data_batch_5.bin and test_batch.bin, or holds the folder
/// cifar-10-batches-bin. Class names come from batches.meta.txt if it is there. Throws FileError
/// for a missing file, a wrong size or a label out of range.
inline Split read_cifar10(const std::string& folder, const Cifar10Options& options = {}) {
  const detail::CifarFolder layout = detail::cifar10_folder();
  const std::string place = detail::require_cifar(folder, layout);
  const auto names = detail::read_class_names(place + "/batches.meta.txt", cifar10_class_names());
  const auto read = [&](std::span<const std::string> files) {
    return detail::read_cifar_files(place, files, {.label_bytes = 1, .label_position = 0},
                                    options.images_per_file, names, "CIFAR-10");
  };
  return {.train = read(layout.train_files), .test = read({&layout.test_file, 1})};
}

/// CIFAR-100's binary version (Krizhevsky 2009): 50,000 training and 10,000 test images (32, 32, 3)
/// with one of 100 fine or 20 coarse labels. `folder` holds train.bin and test.bin, or holds the
/// folder cifar-100-binary. Throws FileError as read_cifar10 does.
inline Split read_cifar100(const std::string& folder, const Cifar100Options& options = {}) {
  const detail::CifarFolder layout = detail::cifar100_folder();
  const std::string place = detail::require_cifar(folder, layout);
  const auto names = options.coarse ? detail::read_class_names(place + "/coarse_label_names.txt",
                                                               cifar100_coarse_class_names())
                                    : detail::read_class_names(place + "/fine_label_names.txt",
                                                               cifar100_class_names());
  const auto read = [&](std::span<const std::string> files, Index count) {
    return detail::read_cifar_files(
        place, files, {.label_bytes = 2, .label_position = options.coarse ? 0 : 1}, count, names,
        options.coarse ? "CIFAR-100 (coarse)" : "CIFAR-100");
  };
  return {.train = read(layout.train_files, options.train_images),
          .test = read({&layout.test_file, 1}, options.test_images)};
}

}  // namespace data
CNNRNN_NAMESPACE_END
