#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/pieces/space_to_batch.hpp"
#include "cnnrnn/kernels/conv2d/winograd.hpp"

// Convolutions that are put together from pieces of three taps along each axis at most, for
// Winograd's algorithms: kernels that are larger or not square, strides, and dilated convolutions,
// which are ones without dilation of images that hold every DH-th row and DW-th column.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// Rows of y that a job puts together from the batch.
template <class T>
Index rows_from_batch(const Conv2dDims& d) {
  constexpr Index elements = (1 << 16) / static_cast<Index>(sizeof(T));
  return std::max<Index>(1, elements / std::max<Index>(1, d.ow() * d.o));
}

}  // namespace detail

/// How many blocks the output of pieces_convolve has.
template <class T>
Index pieces_blocks(const Conv2dDims& d) {
  if (d.dilation == Size2d(1)) {
    return winograd_blocks<T>(d);
  }
  const Index rows = detail::rows_from_batch<T>(d);
  return (d.n * d.oh() + rows - 1) / rows;
}

/// The weights as pieces_convolve reads them, those of each output times its scale unless that is
/// null.
template <class T>
Tensor<T> pieces_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  return winograd_pack(undilated_dims(d), weight, scale);
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the weights: packed ones, or as they are.
template <class T, class Weights>
void pieces_convolve(const Conv2dDims& d, const T* x, const Weights& weights,
                     const ConvOutput<T>& y) {
  if (d.dilation == Size2d(1)) {
    winograd_forward(d, x, weights, y);
    return;
  }
  const auto batch = space_to_batch(d, x);
  const Conv2dDims undilated = undilated_dims(d);
  Tensor<T> results({undilated.n, undilated.oh(), undilated.ow(), d.o});
  ConvOutput<T> output{results.mutable_data(), d.o};
  output.bias = y.bias;
  winograd_forward(undilated, batch.data(), weights, output);
  const Index block = detail::rows_from_batch<T>(d);
  parallel_for(d.n * d.oh(), block, [&](Index begin, Index end) {
    batch_to_rows(d, {d.oh(), d.ow(), d.o}, {0}, results, begin, end, y.data, y.accumulate);
    y.finish(begin / block, begin * d.ow(), end * d.ow());
  });
}

/// dx (N, H, W, C) = what dy (N, OH, OW, O) owes to each input.
template <class T>
void pieces_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (d.dilation == Size2d(1)) {
    winograd_backward_input(d, weight, dy, dx);
    return;
  }
  const auto batch = gradient_to_batch(d, dy);
  const Conv2dDims undilated = undilated_dims(d);
  Tensor<T> results({undilated.n, undilated.h, undilated.w, d.c});
  winograd_backward_input(undilated, weight, batch.data(), GradientSpan<T>{results.mutable_span()});
  parallel_for(d.n * d.h, 1, [&](Index begin, Index end) {
    batch_to_rows(d, {d.h, d.w, d.c}, batch_padding(d), results, begin, end, dx.data(),
                  dx.accumulate);
  });
}

/// dweight (O, C / groups, KH, KW) = sum over pixels of x at the taps times dy.
template <class T>
void pieces_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (d.dilation == Size2d(1)) {
    winograd_backward_weight(d, x, dy, dweight);
    return;
  }
  const auto batch = space_to_batch(d, x);
  const auto gradients = gradient_to_batch(d, dy);
  winograd_backward_weight(undilated_dims(d), batch.data(), gradients.data(), dweight);
}

CNNRNN_KERNELS_END
