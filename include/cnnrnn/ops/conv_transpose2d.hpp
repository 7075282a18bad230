#pragma once

#include <algorithm>
#include <tuple>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/kernels/reduction.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/pad.hpp"
#include "cnnrnn/ops/relu.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of conv_transpose2d.
struct TransposedConvolution {
  Size2d stride{1};          ///< steps between two windows
  Size2d padding{0};         ///< of the convolution that it transposes: it crops the result
  Size2d output_padding{0};  ///< rows and columns more at the end, less than stride or dilation
  Size2d dilation{1};        ///< steps between the kernel's elements
  Index groups = 1;          ///< of channels, each convolved for itself
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
  bool relu = false;                                   ///< of the result
};

namespace detail {

/// Throws ValueError for options out of range: a Size2d each, or numbers in one dimension.
template <class Options>
void check_transposed(const char* name, const Options& options) {
  check_convolution(name, options);
  const Size2d added(options.output_padding);
  const Size2d stride(options.stride);
  const Size2d dilation(options.dilation);
  require<ValueError>(added.h >= 0 && added.w >= 0 && added.h < std::max(stride.h, dilation.h) &&
                          added.w < std::max(stride.w, dilation.w),
                      name, ": expected an output padding below the stride ", options.stride,
                      " or the dilation ", options.dilation, ", got ", options.output_padding);
}

/// The convolution of y, of the given channels, that has the shape of x.
inline kernels::Conv2dDims transposed_dims(Index n, Size2d image, Index channels,
                                           const Shape& weight, Size2d kernel,
                                           const TransposedConvolution& o) {
  const auto size = [](Index in, Index taps, Index stride, Index padding, Index added,
                       Index dilation) {
    return (in - 1) * stride - 2 * padding + dilation * (taps - 1) + added + 1;
  };
  return {n,
          size(image.h, kernel.h, o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h),
          size(image.w, kernel.w, o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w),
          channels,
          weight[0],
          kernel,
          o.stride,
          o.padding,
          o.dilation,
          o.groups,
          o.algorithm};
}

inline kernels::Conv2dDims conv_transpose2d_dims(const Shape& x, const Shape& weight, bool has_bias,
                                                 const Shape& bias,
                                                 const TransposedConvolution& options) {
  check_transposed("conv_transpose2d", options);
  require<ShapeError>(x.rank() == 4 && x[1] > 0 && x[2] > 0,
                      "conv_transpose2d: expected x (N, H, W, C) with pixels, got ", x);
  require<ShapeError>(weight.rank() == 4 && weight.size() > 0,
                      "conv_transpose2d: expected a weight (C, O / groups, KH, KW), got ", weight);
  require<ShapeError>(x[3] == weight[0], "conv_transpose2d: expected input channels ", weight[0],
                      ", got ", x);
  require<ShapeError>(weight[0] % options.groups == 0,
                      "conv_transpose2d: expected input channels divisible by ", options.groups,
                      " groups, got ", weight);
  const Shape outputs{weight[1] * options.groups};
  require<ShapeError>(!has_bias || bias == outputs, "conv_transpose2d: expected a bias of shape ",
                      outputs, ", got ", bias);
  const auto d =
      transposed_dims(x[0], {x[1], x[2]}, outputs[0], weight, {weight[2], weight[3]}, options);
  require<ShapeError>(d.h > 0 && d.w > 0, "conv_transpose2d: expected a padding below ",
                      options.padding, " to leave a result, got ", x, " with a weight ", weight);
  require<ValueError>(options.algorithm != ConvAlgorithm::winograd || kernels::fits_winograd(d),
                      "conv_transpose2d: expected a 3x3 kernel at stride 1 without dilation for "
                      "Winograd's algorithm, got a weight ",
                      weight, ", stride ", d.stride, ", dilation ", d.dilation);
  return d;
}

/// The backward pass of conv_transpose2d; y is kept if a ReLU followed.
template <class T>
struct ConvTranspose2dBackward {
  kernels::Conv2dDims d;
  bool relu;
  Saved<T> x, weight, y;

  void operator()(Gradients<T>& g) const {
    const Tensor<T> dy = relu ? before_relu(*y, g.dy()) : g.dy();
    if (const auto dx = g.dx(0); dx.needed()) {
      kernels::conv2d_forward<T>(d, dy.data(), weight->data(),
                                 {.data = dx.data(), .channels = d.o, .accumulate = dx.accumulate});
    }
    kernels::conv2d_backward_weight(d, dy.data(), x->data(), g.dx(1));
    kernels::column_sums(d.n * d.h * d.w, d.c, dy.data(), g.dx(2));
  }
};

/// conv_transpose2d, or conv_transpose1d where x is (N, T, C), which is one row. `d` is the
/// convolution that it transposes: of y, with x as the result.
template <class T>
Variable<T> conv_transpose2d(const kernels::Conv2dDims& d, const Variable<T>& x,
                             const Variable<T>& weight, const Variable<T>& bias, bool relu) {
  const bool sequences = x.rank() == 3;
  Tensor<T> y(sequences ? Shape{d.n, d.w, d.c} : Shape{d.n, d.h, d.w, d.c});
  const auto shift = kernels::widened(bias.value());
  kernels::conv2d_transposed<T>(d, weight.value().data(), x.value().data(),
                                {.data = y.mutable_data(),
                                 .channels = d.c,
                                 .bias = shift.data(),
                                 .activation = relu ? Activation::relu : Activation::none});
  return record<T>(
      sequences ? "conv_transpose1d" : "conv_transpose2d", {x, weight, bias}, y,
      ConvTranspose2dBackward<T>{d, relu, Saved<T>(x.value()), Saved<T>(weight.value()),
                                 Saved<T>(relu ? y : Tensor<T>())});
}

}  // namespace detail

/// Transposed two-dimensional convolution: the input gradient of conv2d as an op, which upsamples
/// by its stride.
///
/// x (N, H, W, C), weight (C, O / groups, KH, KW), bias (O) or undefined -> y (N, OH, OW, O) with
/// OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output padding + 1. Saves x and weight,
/// and y with a ReLU. Throws ShapeError, and ValueError for options out of range or an algorithm
/// that does not exist for them. Source: Dumoulin and Visin (2016).
template <class T>
Variable<T> conv_transpose2d(const Variable<T>& x, const Variable<T>& weight,
                             const Variable<T>& bias = {},
                             const TransposedConvolution& options = {}) {
  const auto d = detail::conv_transpose2d_dims(x.shape(), weight.shape(), bias.defined(),
                                               bias.shape(), options);
  // An output padding of a stride or more is as good as pixels of zeros behind x.
  const auto& [added, stride] = std::tie(options.output_padding, options.stride);
  if (added.h >= stride.h || added.w >= stride.w) {
    TransposedConvolution rest = options;
    rest.output_padding = {added.h % stride.h, added.w % stride.w};
    const auto longer = pad(x, {{}, {0, added.h / stride.h}, {0, added.w / stride.w}, {}});
    return conv_transpose2d(longer, weight, bias, rest);
  }
  return detail::conv_transpose2d(d, x, weight, bias, options.relu);
}

CNNRNN_NAMESPACE_END
