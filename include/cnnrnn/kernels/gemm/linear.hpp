#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/gemm/pairs.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"
#include "cnnrnn/kernels/loops/widen.hpp"

CNNRNN_KERNELS_BEGIN

/// y (N, O) = x (N, I) weight (O, I)^T
struct LinearDims {
  Index n, i, o;
};

/// y = x weight^T + bias, through a ReLU or not; the bias may be null.
template <class T>
void linear_forward(const LinearDims& d, const T* x, const T* weight, const T* bias, T* y,
                    bool relu = false) {
  gemm<T>(d.n, d.o, d.i, {x, d.i, 1}, {weight, 1, d.i}, {y, d.o, false, bias, relu});
}

/// The same with the weight packed before, for calls of as few rows as packing it takes longer than
/// the product, but too many for dot products, which read it where it lies.
template <class T>
void linear_forward(const LinearDims& d, const T* x, const PackedB<T>& weight, const T* bias, T* y,
                    bool relu) {
  gemm<T>(d.n, {x, d.i, 1}, weight, {y, d.o, false, bias, relu});
}

/// Whether a weight packed before is of use.
inline bool linear_uses_packed(const LinearDims& d) { return d.n > 8 && d.n <= 512; }

/// The weight as linear_forward takes it.
template <class T>
PackedB<T> linear_pack(const LinearDims& d, const T* weight) {
  return PackedB<T>(d.o, d.i, {weight, 1, d.i});
}

/// dx = dy weight
template <class T>
void linear_backward_input(const LinearDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (dx.needed()) {
    gemm<T>(d.n, d.i, d.o, {dy, d.o, 1}, {weight, d.i, 1}, {dx.data(), d.i, dx.accumulate});
  }
}

/// dweight = dy^T x
template <class T>
void linear_backward_weight(const LinearDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (dweight.needed()) {
    gemm<T>(d.o, d.i, d.n, {dy, 1, d.o}, {x, d.i, 1}, {dweight.data(), d.i, dweight.accumulate});
  }
}

// The same of bfloat16: by products of pairs, or of float where the machine has no such, rounded
// once.

template <class T>
requires is_bfloat16<T>
void linear_forward(const LinearDims& d, const T* x, const T* weight, const T* bias, T* y,
                    bool relu = false) {
  const auto shift = widened(d.o, bias);
  if constexpr (has_pair_products) {
    pair_product_transposed(
        d.n, d.o, d.i, x, weight,
        PairOutput<T>{.data = y, .row_stride = d.o, .bias = shift.data(), .relu = relu});
  } else {
    Tensor<float> sums({d.n * d.o});
    linear_forward(d, widened(d.n * d.i, x).data(), widened(d.o * d.i, weight).data(), shift.data(),
                   sums.mutable_data(), relu);
    convert(sums.size(), sums.data(), y);
  }
}

template <class T>
requires is_bfloat16<T>
void linear_forward(const LinearDims& d, const T* x, const PackedB<float>& weight, const T* bias,
                    T* y, bool relu) {
  const auto shift = widened(d.o, bias);
  if constexpr (has_pair_products) {
    pair_product(d.n, d.o, d.i, EvenRows(d.n, d.i, x), weight.packed().data(),
                 PairOutput<T>{.data = y, .row_stride = d.o, .bias = shift.data(), .relu = relu});
  } else {
    Tensor<float> sums({d.n * d.o});
    linear_forward(d, widened(d.n * d.i, x).data(), weight, shift.data(), sums.mutable_data(),
                   relu);
    convert(sums.size(), sums.data(), y);
  }
}

template <class T>
requires is_bfloat16<T> PackedB<float> linear_pack(const LinearDims& d, const T* weight) {
  if constexpr (has_pair_products) {
    Tensor<float> pairs({packed_pairs(d.o, d.i)});
    pack_pairs_transposed(d.o, d.i, weight, d.i, pairs.mutable_data());
    return PackedB<float>(d.o, d.i, pairs);
  } else {
    return linear_pack(d, widened(d.o * d.i, weight).data());
  }
}

template <class T>
requires is_bfloat16<T>
void linear_backward_input(const LinearDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (!dx.needed()) {
    return;
  }
  if constexpr (has_pair_products) {
    pair_product(d.n, d.i, d.o, dy, weight, pair_gradient(d.i, dx));
  } else {
    Tensor<float> sums({d.n * d.i});
    linear_backward_input(d, widened(d.o * d.i, weight).data(), widened(d.n * d.o, dy).data(),
                          GradientSpan<float>{sums.mutable_span()});
    round_gradient(sums.data(), dx);
  }
}

template <class T>
requires is_bfloat16<T>
void linear_backward_weight(const LinearDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (!dweight.needed()) {
    return;
  }
  if constexpr (has_pair_products) {
    pair_product_of_columns(d.o, d.i, d.n, dy, x, pair_gradient(d.i, dweight));
  } else {
    Tensor<float> sums({d.o * d.i});
    linear_backward_weight(d, widened(d.n * d.i, x).data(), widened(d.n * d.o, dy).data(),
                           GradientSpan<float>{sums.mutable_span()});
    round_gradient(sums.data(), dweight);
  }
}

CNNRNN_KERNELS_END
