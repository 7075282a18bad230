#pragma once

#include "cnnrnn/ops/conv2d.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of conv1d.
struct Convolution1d {
  Index stride = 1;    ///< steps between two windows
  Index padding = 0;   ///< zeros on each side
  Index dilation = 1;  ///< steps between the kernel's elements
  Index groups = 1;    ///< of channels, each convolved for itself
  bool relu = false;   ///< of the result, in the same pass
};

namespace detail {

/// The convolution of sequences as that of images of one row.
inline kernels::Conv2dDims conv1d_dims(const Shape& x, const Shape& weight, bool has_bias,
                                       const Shape& bias, const Convolution1d& options) {
  check_convolution("conv1d", options);
  const auto& [stride, padding, dilation, groups, relu] = options;
  require<ShapeError>(x.rank() == 3, "conv1d: expected x (N, T, C), got ", x);
  require<ShapeError>(weight.rank() == 3 && weight.size() > 0,
                      "conv1d: expected a weight (O, C / groups, K), got ", weight);
  require<ShapeError>(x[2] == weight[1] * groups, "conv1d: expected input channels ",
                      weight[1] * groups, ", got ", x);
  require<ShapeError>(weight[0] % groups == 0, "conv1d: expected output channels divisible by ",
                      groups, " groups, got ", weight);
  require<ShapeError>(!has_bias || bias == Shape{weight[0]}, "conv1d: expected a bias of shape ",
                      Shape{weight[0]}, ", got ", bias);
  const Index reach = dilation * (weight[2] - 1) + 1;
  require<ShapeError>(x[1] + 2 * padding >= reach, "conv1d: expected at least ", reach,
                      " steps with the padding ", padding, ", got ", x);
  return {x[0],           1,           x[1],         x[2],          weight[0],
          {1, weight[2]}, {1, stride}, {0, padding}, {1, dilation}, groups};
}

}  // namespace detail

/// Convolution (cross-correlation) of sequences.
///
/// x (N, T, C), weight (O, C / groups, K), bias (O) or undefined -> y (N, OT, O) with
/// OT = floor((T + 2 padding - dilation (K - 1) - 1) / stride) + 1. Saves x and weight, and y with
/// a ReLU. Throws ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> conv1d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {},
                   const Convolution1d& options = {}) {
  const auto d =
      detail::conv1d_dims(x.shape(), weight.shape(), bias.defined(), bias.shape(), options);
  return detail::conv2d<T>(d, x, weight, bias, options.relu, nullptr);
}

CNNRNN_NAMESPACE_END
