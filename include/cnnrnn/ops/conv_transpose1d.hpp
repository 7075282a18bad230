#pragma once

#include "cnnrnn/ops/conv_transpose2d.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of conv_transpose1d.
struct TransposedConvolution1d {
  Index stride = 1;          ///< steps between two windows
  Index padding = 0;         ///< of the convolution that it transposes: it crops the result
  Index output_padding = 0;  ///< steps more at the end, less than stride or dilation
  Index dilation = 1;        ///< steps between the kernel's elements
  Index groups = 1;          ///< of channels, each convolved for itself
  bool relu = false;         ///< of the result
};

namespace detail {

/// The convolution that it transposes, as that of images of one row.
inline kernels::Conv2dDims conv_transpose1d_dims(const Shape& x, const Shape& weight, bool has_bias,
                                                 const Shape& bias,
                                                 const TransposedConvolution1d& options) {
  check_transposed("conv_transpose1d", options);
  require<ShapeError>(x.rank() == 3 && x[1] > 0,
                      "conv_transpose1d: expected x (N, T, C) with steps, got ", x);
  require<ShapeError>(weight.rank() == 3 && weight.size() > 0,
                      "conv_transpose1d: expected a weight (C, O / groups, K), got ", weight);
  require<ShapeError>(x[2] == weight[0], "conv_transpose1d: expected input channels ", weight[0],
                      ", got ", x);
  require<ShapeError>(weight[0] % options.groups == 0,
                      "conv_transpose1d: expected input channels divisible by ", options.groups,
                      " groups, got ", weight);
  const Shape outputs{weight[1] * options.groups};
  require<ShapeError>(!has_bias || bias == outputs, "conv_transpose1d: expected a bias of shape ",
                      outputs, ", got ", bias);
  const auto d = transposed_dims(x[0], {1, x[1]}, outputs[0], weight, {1, weight[2]},
                                 {.stride = {1, options.stride},
                                  .padding = {0, options.padding},
                                  .output_padding = {0, options.output_padding},
                                  .dilation = {1, options.dilation},
                                  .groups = options.groups});
  require<ShapeError>(d.w > 0, "conv_transpose1d: expected a padding below ", options.padding,
                      " to leave a result, got ", x, " with a weight ", weight);
  return d;
}

}  // namespace detail

/// Transposed convolution of sequences: the input gradient of conv1d as an op, which upsamples by
/// its stride.
///
/// x (N, T, C), weight (C, O / groups, K), bias (O) or undefined -> y (N, OT, O) with
/// OT = (T - 1) stride - 2 padding + dilation (K - 1) + output padding + 1. Saves x and weight, and
/// y with a ReLU. Throws ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> conv_transpose1d(const Variable<T>& x, const Variable<T>& weight,
                             const Variable<T>& bias = {},
                             const TransposedConvolution1d& options = {}) {
  const auto d = detail::conv_transpose1d_dims(x.shape(), weight.shape(), bias.defined(),
                                               bias.shape(), options);
  // An output padding of a stride or more is as good as zeros behind x.
  if (options.output_padding >= options.stride) {
    TransposedConvolution1d rest = options;
    rest.output_padding = options.output_padding % options.stride;
    const auto longer = pad(x, {{}, {0, options.output_padding / options.stride}, {}});
    return conv_transpose1d(longer, weight, bias, rest);
  }
  return detail::conv_transpose2d(d, x, weight, bias, options.relu);
}

CNNRNN_NAMESPACE_END
