#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"

// From bfloat16 to float and back: for kernels that are there for float alone.

CNNRNN_KERNELS_BEGIN

/// to = from, of `count` numbers: float from bfloat16, or bfloat16 rounded to the nearest.
template <class From, class To>
void convert(Index count, const From* from, To* to) {
  for_each_packet<To>(static_cast<std::size_t>(count),
                      [=](const auto& lanes) { lanes.store(to, lanes.load(from)); });
}

/// `count` numbers of bfloat16 as float; an undefined tensor of none.
template <class T>
requires is_bfloat16<T> Tensor<float> widened(Index count, const T* from) {
  if (from == nullptr) {
    return {};
  }
  Tensor<float> wide({count});
  convert(count, from, wide.mutable_data());
  return wide;
}

/// The numbers to compute with: a copy in float of bfloat16, else the tensor itself.
template <class T>
Tensor<Accumulator<T>> widened(const Tensor<T>& x) {
  if constexpr (is_bfloat16<T>) {
    const auto wide = widened(x.size(), x.data());
    return wide.defined() ? wide.reshape(x.shape()) : wide;
  } else {
    return x;
  }
}

/// The way back: a rounded copy for bfloat16, else the tensor itself.
template <class T>
Tensor<T> rounded(const Tensor<Accumulator<T>>& x) {
  if constexpr (is_bfloat16<T>) {
    auto narrow = x.defined() ? Tensor<T>(x.shape()) : Tensor<T>();
    convert(x.size(), x.data(), narrow.mutable_data());
    return narrow;
  } else {
    return x;
  }
}

/// Stores numbers in a gradient, or adds them, rounded once.
template <class T>
void round_gradient(const Accumulator<T>* values, const GradientSpan<T>& dx) {
  store_gradient_packets(dx, [=](const auto& lanes) { return lanes.load(values); });
}

CNNRNN_KERNELS_END
