#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// The memory of a tensor and the version that it had, whatever the scalar.
class TensorVersion {
 public:
  /// Of a tensor as it is now.
  template <class T>
  TensorVersion(const Tensor<T>& tensor)  // NOLINT: a list of them is one of tensors
      : memory_(tensor.memory()), version_(tensor.version()) {}

  friend bool operator==(const TensorVersion&, const TensorVersion&) = default;

 private:
  std::shared_ptr<const void> memory_;  // kept: another tensor must not get its address
  std::uint64_t version_;
};

/// A value made of some tensors and kept until one of them is handed out for writing again, is
/// exchanged, or the owner is copied: whoever writes through an old pointer is not noticed. Any
/// number of threads may ask at once.
template <class Value>
class Derived {
 public:
  Derived() = default;
  ~Derived() = default;

  /// A copy makes its value anew.
  Derived(const Derived& /*other*/) {}

  /// A moved one makes its value anew.
  Derived(Derived&& /*other*/) noexcept {}

  /// Forgets the value.
  Derived& operator=(const Derived& /*other*/) {
    const std::scoped_lock lock(mutex_);
    value_ = nullptr;
    return *this;
  }

  /// Forgets the value.
  Derived& operator=(Derived&& other) noexcept { return *this = other; }

  /// The value of the sources as they are: the kept one, or make().
  template <class Make>
  std::shared_ptr<const Value> get(const std::vector<TensorVersion>& sources, const Make& make) {
    return get(sources, make, [](const Value& /*kept*/) { return true; });
  }

  /// The same, if the kept one fits what it is for.
  template <class Make, class Fits>
  std::shared_ptr<const Value> get(const std::vector<TensorVersion>& sources, const Make& make,
                                   const Fits& fits) {
    const std::scoped_lock lock(mutex_);
    if (value_ == nullptr || sources != sources_ || !fits(*value_)) {
      value_ = std::make_shared<const Value>(make());
      sources_ = sources;
    }
    return value_;
  }

 private:
  std::mutex mutex_;
  std::vector<TensorVersion> sources_;
  std::shared_ptr<const Value> value_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
