#pragma once

#include <algorithm>

#include "cnnrnn/autograd/grad_mode.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/slice.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// How many bytes of x a slice of in_slices has for each thread: what is six times as wide then
/// still finds room in a second cache.
inline constexpr Index slice_bytes = Index{1} << 17;

/// Up to how many bytes x stays whole: it and what is six times as wide stay in a third cache.
inline constexpr Index unsliced_bytes = Index{1} << 21;

/// body(x), for a body that treats each entry of the first axis for itself in evaluation mode. In
/// inference it gets a few entries after the other, so that what is between its layers stays in the
/// cache: that pays where it is much larger than x and the result, as in an inverted residual
/// block. In training, and where anything is recorded, it gets x whole.
///
///   Variable<T> operator()(const Variable<T>& x) override {
///     return nn::in_slices(*this, x, [&](const auto& part) { return narrow_(wide_(part)); });
///   }
template <class T, class Body>
Variable<T> in_slices(const Module<T>& module, const Variable<T>& x, const Body& body) {
  if (grad_enabled() || module.training() || x.value().size() == 0) {
    return body(x);
  }
  const Index count = x.dim(0);
  const Index bytes = x.value().size() / count * static_cast<Index>(sizeof(T));
  const Index entries = std::max<Index>(1, slice_bytes / bytes) * loop_threads();
  if (count * bytes <= unsliced_bytes || entries >= count) {
    return body(x);
  }
  Tensor<T> y;
  for (Index first = 0; first < count; first += entries) {
    const auto part = body(slice(x, 0, first, std::min(entries, count - first))).value();
    if (first == 0) {
      y = Tensor<T>(part.shape().with(0, count));
    }
    std::copy_n(part.data(), part.size(), y.mutable_data() + first * (part.size() / part.dim(0)));
  }
  return Variable<T>(y);
}

}  // namespace nn
CNNRNN_NAMESPACE_END
