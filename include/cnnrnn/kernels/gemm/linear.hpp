#pragma once

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

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

CNNRNN_KERNELS_END
