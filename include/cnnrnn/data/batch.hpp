#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Some images of a data set, ready for a network: `auto [images, labels] = batch`.
template <class T>
struct Batch {
  Tensor<T> images;        ///< (B, H, W, C), normalised
  Tensor<Index> labels;    ///< (B,)
  Tensor<T> targets = {};  ///< (B, K), a share of each class, where images were mixed; else none
};

/// What a batch transform may know beside the batch.
struct BatchContext {
  Random& random;          ///< numbers of this batch in this epoch
  std::uint64_t seed = 0;  ///< of the loader
  Index epoch = 0;         ///< of the pass
  Index index = 0;         ///< of the batch in the epoch
  Index classes = 0;       ///< of the data set
};

/// Changes a batch after the transforms of its images. It may run on another thread, so it must
/// depend on nothing that changes.
template <class T>
using BatchTransform = std::function<void(Batch<T>&, const BatchContext&)>;

// A batch takes apart into images and labels.

/// The parts of a batch for structured bindings: 0 are the images, 1 the labels.
template <std::size_t Part, class T>
auto& get(Batch<T>& batch) {
  if constexpr (Part == 0) {
    return batch.images;
  } else {
    return batch.labels;
  }
}

/// The same, for reading.
template <std::size_t Part, class T>
const auto& get(const Batch<T>& batch) {
  return get<Part>(const_cast<Batch<T>&>(batch));
}

/// The same, of a temporary.
template <std::size_t Part, class T>
auto&& get(Batch<T>&& batch) {
  return std::move(get<Part>(batch));
}

}  // namespace data
CNNRNN_NAMESPACE_END

template <class T>
struct std::tuple_size<cnnrnn::data::Batch<T>> : std::integral_constant<std::size_t, 2> {};
template <class T>
struct std::tuple_element<0, cnnrnn::data::Batch<T>> {
  using type = cnnrnn::Tensor<T>;
};
template <class T>
struct std::tuple_element<1, cnnrnn::data::Batch<T>> {
  using type = cnnrnn::Tensor<cnnrnn::Index>;
};
