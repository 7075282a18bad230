#pragma once

#include "cnnrnn/ops/pooling.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of max_pool1d.
struct Pool1dOptions {
  Index kernel = 2;        ///< its size
  Index stride = 0;        ///< 0 means the kernel
  Index padding = 0;       ///< at most half the kernel
  bool ceil_mode = false;  ///< keep a last window that is only partly inside
};

/// Options of avg_pool1d.
struct AvgPool1dOptions {
  Index kernel = 2;               ///< its size
  Index stride = 0;               ///< 0 means the kernel
  Index padding = 0;              ///< zeros on each side
  bool ceil_mode = false;         ///< keep a last window that is only partly inside
  bool count_include_pad = true;  ///< the zeros of the padding count in the mean
};

namespace detail {

/// Pooling of sequences as that of images of one row.
template <class Options>
kernels::Pool2dDims pool1d_dims(const char* name, const Shape& x, const Options& options) {
  check_pool(name, options);
  require<ShapeError>(x.rank() == 3, name, ": expected x (N, T, C), got ", x);
  const Index stride = options.stride > 0 ? options.stride : options.kernel;
  const Index outputs =
      pool_outputs(x[1], options.kernel, stride, options.padding, options.ceil_mode);
  require<ShapeError>(outputs > 0, name, ": expected at least as many steps as the kernel ",
                      options.kernel, ", got ", x, " with padding ", options.padding);
  return {.n = x[0],
          .h = 1,
          .w = x[1],
          .c = x[2],
          .oh = 1,
          .ow = outputs,
          .kernel = {1, options.kernel},
          .stride = {1, stride},
          .padding = {0, options.padding}};
}

}  // namespace detail

/// Max-pooling of sequences; the padding never wins, NaN always does.
///
/// x (N, T, C) -> y (N, OT, C) with OT = floor((T + 2 padding - kernel) / stride) + 1, rounded up
/// in ceil mode as in max_pool2d. Saves the places of the largest, a byte each up to a kernel of
/// 256. Throws ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> max_pool1d(const Variable<T>& x, const Pool1dOptions& options = {}) {
  const auto d = detail::pool1d_dims("max_pool1d", x.shape(), options);
  return detail::max_pool("max_pool1d", x, d, options.kernel);
}

/// Average pooling of sequences; the padding counts as zeros, or not at all.
///
/// x (N, T, C) -> y (N, OT, C), sizes as in max_pool1d. Saves nothing. Throws ShapeError, and
/// ValueError for options out of range.
template <class T>
Variable<T> avg_pool1d(const Variable<T>& x, const AvgPool1dOptions& options = {}) {
  const auto d = detail::pool1d_dims("avg_pool1d", x.shape(), options);
  return detail::avg_pool2d(x, d, options.count_include_pad);
}

CNNRNN_NAMESPACE_END
