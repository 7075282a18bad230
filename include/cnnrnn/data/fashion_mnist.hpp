#pragma once

#include <string>

#include "cnnrnn/data/mnist.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* debian_fashion_mnist = "/usr/share/datasets/fashion-mnist";

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 training and 10,000 test images (28, 28,
/// 1) of clothes. Throws FileError.
inline Split read_fashion_mnist(const std::string& folder = debian_fashion_mnist) {
  return read_mnist(folder, fashion_mnist_class_names(), "Fashion-MNIST");
}

}  // namespace data
CNNRNN_NAMESPACE_END
