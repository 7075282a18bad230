#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/dataset.hpp"
#include "cnnrnn/data/image.hpp"
#include "cnnrnn/data/prepare.hpp"
#include "cnnrnn/system/paths.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The size every image is brought to, and how a folder without parts of its own is split.
struct ImageFolderOptions {
  Index height = 32;        ///< of every image, in pixels
  Index width = 32;         ///< of every image, in pixels
  Index test_every = 5;     ///< of each class, every 5th image is for testing; of fewer, the last
  ImageOptions image = {};  ///< how image files are read
  std::optional<Preparation> preparation = {};  ///< in place of height and width
  bool skip_unreadable = false;                 ///< leave out files that are no whole images
};

/// What is in a folder of images and was not read.
struct LeftOut {
  /// Files that are not named as images, by suffix (".webp", or "without suffix"), "folders" inside
  /// a class, and "images outside of a class".
  std::map<std::string, Index> passed_over;
  std::vector<std::string> unreadable;  ///< with skip_unreadable: a message for each file
  std::vector<std::string> parts;       ///< folders such as "val" beside "train" and "test"
};

namespace detail {

/// Something in a folder. What a link leads to counts; one that leads nowhere is no folder.
struct FolderEntry {
  std::string name;
  std::string path;
  bool is_folder = false;
  std::error_code error = {};  ///< why a link leads nowhere
};

/// What is in a folder, sorted by name; hidden entries are left out. Throws FileError.
inline std::vector<FolderEntry> list_folder(const std::string& folder) {
  std::vector<FolderEntry> found;
  std::error_code error;
  for (const std::string& name : os::names_in_folder(folder, error)) {
    if (!name.starts_with('.')) {
      FolderEntry next{.name = name, .path = os::joined(folder, name)};
      next.is_folder = os::is_folder(next.path, next.error);
      found.push_back(std::move(next));
    }
  }
  require<FileError>(!error, "cannot read the folder ", folder, ": ", os::reason(error));
  std::ranges::sort(found, {}, &FolderEntry::name);
  return found;
}

inline bool is_image(const FolderEntry& entry) {
  return !entry.is_folder && has_image_suffix(os::to_path(entry.path));
}

inline void pass_over(const FolderEntry& entry, LeftOut& left_out) {
  const std::string suffix = lower_suffix(os::to_path(entry.path));
  ++left_out.passed_over[entry.is_folder  ? "folders"
                         : suffix.empty() ? "without suffix"
                                          : printable(suffix)];
}

/// A file beside the classes or the parts.
inline void pass_over_outside(const FolderEntry& entry, LeftOut& left_out) {
  if (is_image(entry)) {
    ++left_out.passed_over["images outside of a class"];
  } else {
    pass_over(entry, left_out);
  }
}

/// "2 .txt, 1 .webp", or "nothing".
inline std::string describe(const std::map<std::string, Index>& counts) {
  std::string text;
  for (const auto& [what, count] : counts) {
    text += to_message(text.empty() ? "" : ", ", count, ' ', what);
  }
  return text.empty() ? "nothing" : text;
}

/// The image files of a class. Throws FileError when there are none, so that no class goes missing.
inline std::vector<std::string> list_images(const std::string& folder, LeftOut& left_out) {
  std::vector<std::string> images;
  LeftOut others;
  for (const FolderEntry& entry : list_folder(folder)) {
    if (is_image(entry)) {
      images.push_back(entry.path);
    } else {
      pass_over(entry, others);
    }
  }
  require<FileError>(!images.empty(), folder, ": expected images of this class (",
                     joined_image_suffixes(), "), got ", describe(others.passed_over));
  for (const auto& [suffix, count] : others.passed_over) {
    left_out.passed_over[suffix] += count;
  }
  return images;
}

/// The folders in `folder`: the classes. Throws FileError for a link that leads nowhere, which may
/// have been one, and for a name that cannot be printed and written to files.
inline std::vector<FolderEntry> list_classes(const std::string& folder, LeftOut& left_out) {
  std::vector<FolderEntry> classes;
  for (const FolderEntry& entry : list_folder(folder)) {
    require<FileError>(!entry.error, "cannot read ", entry.path, ": ", os::reason(entry.error));
    if (!entry.is_folder) {
      pass_over_outside(entry, left_out);
      continue;
    }
    require<FileError>(is_printable(entry.name), folder,
                       ": expected names of classes in UTF-8 without control characters, got ",
                       printable(entry.name));
    classes.push_back(entry);
  }
  return classes;
}

inline bool is_folder(const std::string& path) {
  return os::kind_of_file(path) == os::FileKind::folder;
}

/// What parts are called, in letters of any case, the most usual names first.
inline constexpr std::array<std::string_view, 2> train_names{"train", "training"};
inline constexpr std::array<std::string_view, 8> test_names{
    "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation"};

/// Whether a folder holds folders, or nothing: a part of a data set, not a class.
inline bool is_part(const FolderEntry& folder) {
  if (!folder.is_folder) {
    return false;
  }
  const auto entries = list_folder(folder.path);
  return std::ranges::none_of(entries, is_image) ||
         std::ranges::any_of(entries, &FolderEntry::is_folder);
}

/// The part with the first of the names, or the end of the entries.
template <std::size_t Count>
std::vector<FolderEntry>::const_iterator find_part(
    const std::vector<FolderEntry>& entries, const std::array<std::string_view, Count>& names) {
  for (const std::string_view name : names) {
    const auto found = std::ranges::find_if(entries, [name](const FolderEntry& entry) {
      return lower_case(entry.name) == name && is_part(entry);
    });
    if (found != entries.end()) {
      return found;
    }
  }
  return entries.end();
}

/// The training folder and the test folder, by the names that they usually have, and what lies
/// beside them.
struct ImageFolderParts {
  std::string train;
  std::string test;
  std::vector<FolderEntry> unused;
};

/// The parts in a folder, or none if it holds classes.
inline std::optional<ImageFolderParts> find_parts(const std::string& folder) {
  const auto entries = list_folder(folder);
  const auto train = find_part(entries, train_names);
  const auto test = find_part(entries, test_names);
  if (train == entries.end() || test == entries.end()) {
    return std::nullopt;
  }
  ImageFolderParts parts{.train = train->path, .test = test->path, .unused = {}};
  std::ranges::copy_if(entries, std::back_inserter(parts.unused), [&](const FolderEntry& entry) {
    return entry.name != train->name && entry.name != test->name;
  });
  return parts;
}

/// Whether a folder without parts has a training folder of folders alone, which is no class.
inline bool has_train_alone(const std::string& folder) {
  const auto entries = list_folder(folder);
  const auto train = find_part(entries, train_names);
  if (train == entries.end()) {
    return false;
  }
  const auto inside = list_folder(train->path);
  return !inside.empty() && std::ranges::none_of(inside, is_image);
}

/// Throws FileError when the folders of `folder` are parts rather than classes.
inline void require_classes(const std::string& folder) {
  auto folders = list_folder(folder);
  std::erase_if(folders, [](const FolderEntry& entry) { return !entry.is_folder; });
  const auto named_as_part = [](const FolderEntry& entry) {
    const auto among = [name = lower_case(entry.name)](const auto& names) {
      return std::ranges::find(names, name) != names.end();
    };
    return among(train_names) || among(test_names);
  };
  require<FileError>(folders.size() < 2 || !std::ranges::all_of(folders, named_as_part), folder,
                     ": expected folders of classes in train and test, got images");
  require<FileError>(!has_train_alone(folder), folder, ": expected test or val beside train");
}

}  // namespace detail

/// Whether `folder` has a folder with images: a class; or train/, with test/ or val/ or without.
inline bool is_image_folder(const std::string& folder) {
  if (!detail::is_folder(folder)) {
    return false;
  }
  const auto holds_images = [](const detail::FolderEntry& entry) {
    std::error_code none;  // what cannot be read holds no images
    return std::ranges::any_of(os::names_in_folder(entry.path, none), has_image_suffix,
                               os::to_path);
  };
  return detail::find_parts(folder).has_value() || detail::has_train_alone(folder) ||
         std::ranges::any_of(detail::list_folder(folder), holds_images);
}

namespace detail {

inline Preparation preparation_of(const ImageFolderOptions& options) {
  return options.preparation.value_or(Preparation{.height = options.height,
                                                  .width = options.width,
                                                  .padded_height = options.height,
                                                  .padded_width = options.width});
}

/// An undefined tensor if the file is left out.
inline Tensor<std::uint8_t> read_or_skip(const std::string& path, const ImageFolderOptions& options,
                                         LeftOut& left_out) {
  try {
    return read_image(path, options.image);
  } catch (const FileError& error) {
    if (!options.skip_unreadable) {
      throw;
    }
    left_out.unreadable.emplace_back(error.what());
    return {};
  }
}

/// The data set without the room for images behind the first `count`.
inline ImageDataset first_images(const ImageDataset& dataset, Index count) {
  if (count == dataset.size()) {
    return dataset;
  }
  std::vector<Index> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), Index{0});
  return subset(dataset, positions);
}

}  // namespace detail

/// A folder of images by class: folder/CLASS/*, whose names end in one of `image_suffixes`, classes
/// and files in the order of their names, every image cut to the proportions of the size and
/// resized. `left_out`, if given, learns what was not read. Throws FileError when there are fewer
/// than two classes, a class has no images, or an image cannot be read.
inline ImageDataset read_image_classes(const std::string& folder,
                                       const ImageFolderOptions& options = {},
                                       LeftOut* left_out = nullptr) {
  LeftOut ignored;
  LeftOut& others = left_out != nullptr ? *left_out : ignored;
  const auto classes = detail::list_classes(folder, others);
  require<FileError>(classes.size() >= 2, folder, ": expected at least two folders with images (",
                     joined_image_suffixes(), "), got ", classes.size());
  std::vector<std::vector<std::string>> files;
  Index most = 0;
  for (const auto& of_class : classes) {
    files.push_back(detail::list_images(of_class.path, others));
    most += std::ssize(files.back());
  }
  const Preparation preparation = detail::preparation_of(options);
  ImageDataset dataset{.images = Tensor<std::uint8_t>(
                           Shape{most, preparation.padded_height, preparation.padded_width, 3}),
                       .labels = Tensor<Index>(Shape{most}),
                       .class_names = {},
                       .name = folder};
  std::uint8_t* to = dataset.images.mutable_data();
  Index* const labels = dataset.labels.mutable_data();
  Index count = 0;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const Index before = count;
    for (const auto& path : files[label]) {
      const auto image = detail::read_or_skip(path, options, others);
      if (image.defined()) {
        const auto prepared = prepare(image, preparation);
        to = std::copy_n(prepared.data(), prepared.size(), to);
        labels[count++] = static_cast<Index>(label);
      }
    }
    require<FileError>(count > before, classes[label].path,
                       ": expected images of this class, got only files that cannot be read");
    dataset.class_names.push_back(classes[label].name);
  }
  return detail::first_images(dataset, count);
}

namespace detail {

/// Every class of two images or more has one in both parts.
inline Split split_every(const ImageDataset& dataset, Index test_every) {
  require<ValueError>(test_every >= 2, "image folder: expected test_every of 2 or more, got ",
                      test_every);
  std::vector<Index> train;
  std::vector<Index> test;
  for (const std::vector<Index>& of_class : positions_by_class(dataset)) {
    const Index every = std::min(test_every, std::max(Index{2}, std::ssize(of_class)));
    for (Index i = 0; i < std::ssize(of_class); ++i) {
      ((i + 1) % every == 0 ? test : train).push_back(of_class[static_cast<std::size_t>(i)]);
    }
  }
  std::ranges::sort(train);
  std::ranges::sort(test);
  require<FileError>(!test.empty(), dataset.name,
                     ": expected two images or more in a class, or folders train and test, got one "
                     "in each");
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
/// folder/test/CLASS, or val, dev, eval and the like in place of test, or folder/CLASS with every
/// 5th image of a class for testing. `left_out`, if given, learns what was not read. Throws
/// FileError; see read_image_classes.
inline Split read_image_folder(const std::string& folder, const ImageFolderOptions& options = {},
                               LeftOut* left_out = nullptr) {
  const auto parts = detail::find_parts(folder);
  if (!parts.has_value()) {
    detail::require_classes(folder);
    return detail::split_every(read_image_classes(folder, options, left_out), options.test_every);
  }
  for (const detail::FolderEntry& entry : parts->unused) {
    if (left_out == nullptr) {
      break;
    }
    if (entry.is_folder) {
      left_out->parts.push_back(entry.name);
    } else {
      detail::pass_over_outside(entry, *left_out);
    }
  }
  Split split{.train = read_image_classes(parts->train, options, left_out),
              .test = read_image_classes(parts->test, options, left_out)};
  require<FileError>(split.train.class_names == split.test.class_names, parts->test,
                     ": expected the classes of train, ", detail::joined(split.train.class_names),
                     ", got ", detail::joined(split.test.class_names));
  split.train.name = split.test.name = folder;
  return split;
}

}  // namespace data
CNNRNN_NAMESPACE_END
