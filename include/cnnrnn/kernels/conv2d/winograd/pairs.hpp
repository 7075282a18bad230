#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/algorithm.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"

// Pairs of groups as one group, whose weights from the channels of one to the outputs of the other
// are zeros.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The convolution of the pairs.
inline Conv2dDims dims_of_pairs(const Conv2dDims& d) {
  Conv2dDims pairs = d;
  pairs.groups = d.groups / 2;
  return pairs;
}

/// Calls body(place in the weights of pairs, place in those of groups) for the weights (C / groups,
/// taps) of each output.
template <class Body>
void for_weights_of_pairs(const Conv2dDims& d, const Body& body) {
  const Index size = d.group_c() * d.taps();
  for (Index o = 0; o < d.o; ++o) {
    const Index half = o / d.group_o() % 2;
    body((2 * o + half) * size, o * size);
  }
}

template <class T>
Tensor<T> weights_of_pairs(const Conv2dDims& d, const T* weight) {
  const Index size = d.group_c() * d.taps();
  auto pairs = Tensor<T>::zeros({d.o, 2 * size});
  T* const to = pairs.mutable_data();
  for_weights_of_pairs(
      d, [&](Index pair, Index group) { std::copy_n(weight + group, size, to + pair); });
  return pairs;
}

/// The gradients of the weights, out of those of the pairs.
template <class T>
void put_gradients_of_pairs(const Conv2dDims& d, const Tensor<T>& pairs, GradientSpan<T> dweight) {
  const T* const from = pairs.data();
  for_weights_of_pairs(d, [&](Index pair, Index group) {
    for (Index i = 0; i < d.group_c() * d.taps(); ++i) {
      dweight.put(group + i, from[pair + i]);
    }
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
