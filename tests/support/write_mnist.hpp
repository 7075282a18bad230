#pragma once

#include <string>

#include "support/temporary_folder.hpp"

/// An IDX file of unsigned bytes; dimensions below 256.
inline std::string idx_bytes(const std::string& dims, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(dims.size())};
  for (const char dim : dims) {
    bytes += std::string(3, '\0') + dim;
  }
  return bytes + values;
}

/// Writes MNIST's four files: three training images of 2x2 (bytes 1 to 12; labels 7, 0, 9) and one
/// test image (bytes 5 to 8; label 3).
inline void write_mnist(const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_bytes(folder + "/train-images-idx3-ubyte",
              idx_bytes("\3\2\2", "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc"));
  write_bytes(folder + "/train-labels-idx1-ubyte", idx_bytes("\3", std::string("\7\0\x9", 3)));
  write_bytes(folder + "/t10k-images-idx3-ubyte", idx_bytes("\1\2\2", "\5\6\7\x8"));
  write_bytes(folder + "/t10k-labels-idx1-ubyte", idx_bytes("\1", "\3"));
}

/// Rewrites the training part: as many images of 2x2 as there are labels.
inline void write_mnist_labels(const std::string& folder, const std::string& labels) {
  const std::string count(1, static_cast<char>(labels.size()));
  write_bytes(folder + "/train-images-idx3-ubyte",
              idx_bytes(count + "\2\2", std::string(4 * labels.size(), 'a')));
  write_bytes(folder + "/train-labels-idx1-ubyte", idx_bytes(count, labels));
}
