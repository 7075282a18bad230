#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// A value made of some tensors and kept until one of them is handed out for writing again, is
/// exchanged, or the owner is copied: whoever writes through an old pointer is not noticed. Any
/// number of threads may ask at once.
template <class T, class Value>
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
  std::shared_ptr<const Value> get(const std::vector<Tensor<T>>& sources, const Make& make) {
    const std::scoped_lock lock(mutex_);
    const bool current =
        value_ != nullptr &&
        std::equal(sources.begin(), sources.end(), sources_.begin(), sources_.end(),
                   [](const auto& now, const auto& then) { return then.is(now); });
    if (!current) {
      value_ = std::make_shared<const Value>(make());
      sources_.assign(sources.begin(), sources.end());
    }
    return value_;
  }

 private:
  struct Source {
    Source(const Tensor<T>& source) : tensor(source), version(source.version()) {}  // NOLINT

    bool is(const Tensor<T>& now) const {
      const bool same = now.defined() ? now.shares_memory_with(tensor) : !tensor.defined();
      return same && now.version() == version;
    }

    Tensor<T> tensor;
    std::uint64_t version;
  };

  std::mutex mutex_;
  std::vector<Source> sources_;
  std::shared_ptr<const Value> value_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
