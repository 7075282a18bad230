#pragma once

#include <string>
#include <type_traits>
#include <variant>

#include "cnnrnn/io/safetensors.hpp"

/// Tensors that PyTorch computed, from tests/fixtures/NAME.safetensors; the scripts in
/// tests/fixtures/generate/ wrote them.
class Fixture {
 public:
  explicit Fixture(const std::string& name);

  /// The tensor of that name, converted to T. Throws std::out_of_range.
  template <class T>
  cnnrnn::Tensor<T> get(const std::string& name) const {
    return std::visit([](const auto& tensor) { return tensor.template to<T>(); },
                      file_.tensors.at(name));
  }

  bool has(const std::string& name) const { return file_.tensors.contains(name); }

  const cnnrnn::io::SafetensorsFile& file() const { return file_; }

 private:
  cnnrnn::io::SafetensorsFile file_;
};
