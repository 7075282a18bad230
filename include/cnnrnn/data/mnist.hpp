#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cnnrnn/data/gzip.hpp"
#include "cnnrnn/data/idx.hpp"
#include "cnnrnn/system/paths.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// MNIST's classes by label.
inline std::vector<std::string> mnist_class_names() {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

/// Fashion-MNIST's classes by label.
inline std::vector<std::string> fashion_mnist_class_names() {
  return {"t-shirt", "trouser", "pullover", "dress", "coat",
          "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};
}

/// KMNIST's classes by label: ten signs of hiragana.
inline std::vector<std::string> kmnist_class_names() {
  return {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};
}

/// A data set that comes in files of MNIST's format.
struct MnistKind {
  std::string option;                           ///< its name on a command line
  std::string name;                             ///< its name in messages
  std::vector<std::string> class_names;         ///< by label; none: the labels' numbers
  std::vector<std::uint8_t> first_labels = {};  ///< what its training labels begin with, if known
};

/// The data sets in MNIST's format whose classes have names here, and, last, any other.
inline const std::vector<MnistKind>& mnist_kinds() {
  static const std::vector<MnistKind> kinds{
      {"mnist", "MNIST", mnist_class_names(), {5, 0, 4, 1, 9, 2, 1, 3, 1, 4,
                                               3, 5, 3, 6, 1, 7, 2, 8, 6, 9}},
      {"fashion-mnist", "Fashion-MNIST", fashion_mnist_class_names(), {9, 0, 0, 3, 0, 2, 7,
                                                                       2, 5, 5, 0, 9, 5, 5,
                                                                       7, 9, 1, 0, 6, 4}},
      {"kmnist", "KMNIST", kmnist_class_names()},
      {"idx", "images in MNIST's format", {}}};
  return kinds;
}

namespace detail {

/// The kind whose training labels begin as these do, or none.
inline const MnistKind* recognised(std::span<const std::uint8_t> labels) {
  const auto same = [&](const MnistKind& kind) {
    const auto& first = kind.first_labels;
    return !first.empty() && labels.size() >= first.size() &&
           std::ranges::equal(labels.first(first.size()), first);
  };
  const auto found = std::ranges::find_if(mnist_kinds(), same);
  return found == mnist_kinds().end() ? nullptr : &*found;
}

/// EMNIST's files of a kind, one for each split, plain or packed with gzip, sorted:
/// emnist-SPLIT-`stem`-`type`, where a test part is called "test".
inline std::vector<std::string> find_emnist(const std::string& folder, const std::string& stem,
                                            const std::string& type) {
  constexpr std::string_view test = "t10k";
  const std::string end =
      to_message('-', stem.starts_with(test) ? "test" + stem.substr(test.size()) : stem, '-', type);
  std::vector<std::string> found;
  std::error_code error;
  for (const std::string& name : os::names_in_folder(folder, error)) {
    if (name.starts_with("emnist-") && (name.ends_with(end) || name.ends_with(end + ".gz"))) {
      found.push_back(os::joined(folder, name));
    }
  }
  std::ranges::sort(found);
  return found;
}

/// One of MNIST's files, plain or packed with gzip: `stem`-`type` as on MNIST's page, `stem`.`type`
/// as some programs unpack it, or the first of EMNIST's.
inline std::optional<std::string> find_idx(const std::string& folder, const std::string& stem,
                                           const std::string& type) {
  for (const char* const joint : {"-", "."}) {
    for (const char* const suffix : {"", ".gz"}) {
      const std::string path = to_message(folder, '/', stem, joint, type, suffix);
      if (is_readable_file(path)) {
        return path;
      }
    }
  }
  const auto emnist = find_emnist(folder, stem, type);
  return emnist.empty() ? std::nullopt : std::optional(emnist.front());
}

inline Tensor<std::uint8_t> find_and_read_idx(const std::string& folder, const std::string& stem,
                                              const std::string& type) {
  const auto found = find_idx(folder, stem, type);
  const std::string usual = to_message(folder, '/', stem, '-', type);
  require<FileError>(found.has_value(), "expected ", usual, " or ", usual, ".gz, found neither");
  const auto splits = find_emnist(folder, stem, type);
  for (const std::string& other : splits) {
    // A file may lie beside its packed form.
    require<FileError>(*found != splits.front() || other.starts_with(*found), folder,
                       ": expected one split of EMNIST, got ", *found, " and ", other);
  }
  return found->ends_with(".gz") ? parse_idx(read_gzip(*found, idx_most_bytes), *found)
                                 : read_idx(*found);
}

/// A part, "train" or "t10k", whose labels have no names yet.
inline Tensor<std::uint8_t> read_mnist_labels(const std::string& folder, const std::string& part) {
  return find_and_read_idx(folder, part + "-labels", "idx1-ubyte");
}

/// "0", "1" and so on up to the highest label.
inline std::vector<std::string> numbered_classes(
    std::initializer_list<Tensor<std::uint8_t>> parts) {
  Index highest = 0;
  for (const auto& labels : parts) {
    const auto values = labels.span();
    highest = std::max<Index>(highest, *std::max_element(values.begin(), values.end()));
  }
  std::vector<std::string> names;
  for (Index label = 0; label <= highest; ++label) {
    names.push_back(to_message(label));
  }
  return names;
}

}  // namespace detail

/// Whether `folder` has files named as MNIST's or EMNIST's, plain or packed with gzip.
inline bool is_mnist(const std::string& folder) {
  return detail::find_idx(folder, "train-images", "idx3-ubyte").has_value() ||
         detail::find_idx(folder, "t10k-images", "idx3-ubyte").has_value();
}

/// A data set in MNIST's four files, plain or packed with gzip: train-images-idx3-ubyte,
/// train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, or with a dot before
/// idx, or EMNIST's emnist-SPLIT-train-images-idx3-ubyte and so on. Images (H, W, 1). No class
/// names: the numbers of the labels. Throws FileError.
inline Split read_mnist(const std::string& folder, const std::vector<std::string>& class_names,
                        const std::string& name) {
  const auto train_labels = detail::read_mnist_labels(folder, "train");
  const auto test_labels = detail::read_mnist_labels(folder, "t10k");
  const auto names =
      class_names.empty() ? detail::numbered_classes({train_labels, test_labels}) : class_names;
  const auto read = [&](const std::string& part, const Tensor<std::uint8_t>& labels) {
    return idx_dataset(detail::find_and_read_idx(folder, part + "-images", "idx3-ubyte"), labels,
                       names, to_message(name, " (", part, ") in ", folder));
  };
  Split split{.train = read("train", train_labels), .test = read("t10k", test_labels)};
  split.train.name = split.test.name = name;
  return split;
}

/// Which data set the files in `folder` are, by what their training labels begin with; the kind
/// "idx" when they are none that is known here. Throws FileError.
inline const MnistKind& mnist_kind(const std::string& folder) {
  const auto* const known = detail::recognised(detail::read_mnist_labels(folder, "train").span());
  return known != nullptr ? *known : mnist_kinds().back();
}

}  // namespace data
CNNRNN_NAMESPACE_END
