#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/data/gzip.hpp"
#include "cnnrnn/data/idx.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* debian_fashion_mnist = "/usr/share/datasets/fashion-mnist";

/// Fashion-MNIST's classes by label.
inline std::vector<std::string> fashion_mnist_class_names() {
  return {"t-shirt", "trouser", "pullover", "dress", "coat",
          "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};
}

/// MNIST's classes by label.
inline std::vector<std::string> mnist_class_names() {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

namespace detail {

/// The file itself, or packed with gzip.
inline std::optional<std::string> find_plain_or_gzip(const std::string& path) {
  for (const std::string& found : {path, path + ".gz"}) {
    if (is_readable_file(found)) {
      return found;
    }
  }
  return std::nullopt;
}

inline Tensor<std::uint8_t> read_idx_or_gzip(const std::string& path) {
  const auto found = find_plain_or_gzip(path);
  require<FileError>(found.has_value(), "expected ", path, " or ", path, ".gz, found neither");
  return found->ends_with(".gz") ? parse_idx(read_gzip(*found, idx_most_bytes), *found)
                                 : read_idx(*found);
}

}  // namespace detail

/// Whether `folder` has files named as MNIST's, plain or packed with gzip.
inline bool is_mnist(const std::string& folder) {
  const auto there = [&](const char* file) {
    return detail::find_plain_or_gzip(folder + '/' + file).has_value();
  };
  return there("train-images-idx3-ubyte") || there("t10k-images-idx3-ubyte");
}

/// A data set in MNIST's four files, plain or packed with gzip: train-images-idx3-ubyte,
/// train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. Images (H, W, 1).
/// Throws FileError.
inline Split read_mnist(const std::string& folder, const std::vector<std::string>& class_names,
                        const std::string& name) {
  const auto read = [&](const std::string& part) {
    return idx_dataset(detail::read_idx_or_gzip(folder + '/' + part + "-images-idx3-ubyte"),
                       detail::read_idx_or_gzip(folder + '/' + part + "-labels-idx1-ubyte"),
                       class_names, to_message(name, " (", part, ") in ", folder));
  };
  Split split{.train = read("train"), .test = read("t10k")};
  split.train.name = split.test.name = name;
  return split;
}

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 training and 10,000 test images (28, 28,
/// 1) of clothes. Throws FileError.
inline Split read_fashion_mnist(const std::string& folder = debian_fashion_mnist) {
  return read_mnist(folder, fashion_mnist_class_names(), "Fashion-MNIST");
}

}  // namespace data
CNNRNN_NAMESPACE_END
