#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pool.hpp"
#include "cnnrnn/ops/pooling.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Throws ValueError for an output without pixels; `name` is the operation's.
inline void check_adaptive_pool2d(const char* name, Size2d output) {
  require<ValueError>(output.h > 0 && output.w > 0, name, ": expected a positive output size, got ",
                      output);
}

namespace detail {

inline void check_image_with_pixels(const char* name, const Shape& x) {
  require<ShapeError>(x.rank() == 4 && x[1] > 0 && x[2] > 0, name,
                      ": expected x (N, H, W, C) with pixels, got ", x);
}

inline kernels::AdaptivePool2dDims adaptive_pool2d_dims(const char* name, const Shape& x,
                                                        Size2d output) {
  check_adaptive_pool2d(name, output);
  check_image_with_pixels(name, x);
  const auto largest = [](Index size, Index outputs) {
    return size % outputs == 0 ? size / outputs : size / outputs + 2;
  };
  return {.n = x[0],
          .h = x[1],
          .w = x[2],
          .c = x[3],
          .oh = output.h,
          .ow = output.w,
          .kernel = {largest(x[1], output.h), largest(x[2], output.w)}};
}

inline bool divides_image(const kernels::AdaptivePool2dDims& d) {
  return d.h % d.oh == 0 && d.w % d.ow == 0;
}

/// The windows of an output that divides the image.
inline kernels::Pool2dDims equal_windows(const kernels::AdaptivePool2dDims& d) {
  return {.n = d.n,
          .h = d.h,
          .w = d.w,
          .c = d.c,
          .oh = d.oh,
          .ow = d.ow,
          .kernel = d.kernel,
          .stride = d.kernel,
          .padding = 0};
}

}  // namespace detail

/// Max-pooling to an image of `output` pixels, whatever the size of x; NaN always wins.
///
/// x (N, H, W, C) -> y (N, OH, OW, C): row p of y is that of rows floor(p H / OH) up to
/// ceil((p + 1) H / OH) of x, as in PyTorch, and so with columns. OH may be larger than H. Saves
/// the places of the largest, a byte each up to windows of 256 pixels. Throws ShapeError, and
/// ValueError for an output that is not positive.
template <class T>
Variable<T> adaptive_max_pool2d(const Variable<T>& x, Size2d output) {
  constexpr auto name = "adaptive_max_pool2d";
  const auto d = detail::adaptive_pool2d_dims(name, x.shape(), output);
  return detail::divides_image(d) ? detail::max_pool2d(name, x, detail::equal_windows(d))
                                  : detail::max_pool2d(name, x, d);
}

/// Average pooling to an image of `output` pixels, whatever the size of x.
///
/// x (N, H, W, C) -> y (N, OH, OW, C), windows as in adaptive_max_pool2d. Saves nothing. Throws
/// ShapeError, and ValueError for an output that is not positive.
template <class T>
Variable<T> adaptive_avg_pool2d(const Variable<T>& x, Size2d output) {
  constexpr auto name = "adaptive_avg_pool2d";
  const auto d = detail::adaptive_pool2d_dims(name, x.shape(), output);
  return detail::divides_image(d) ? detail::avg_pool2d(name, x, detail::equal_windows(d), false)
                                  : detail::avg_pool2d(name, x, d, false);
}

/// The largest of each channel of the image: x (N, H, W, C) -> y (N, C). NaN always wins. Saves the
/// places of the largest. Throws ShapeError.
template <class T>
Variable<T> global_max_pool2d(const Variable<T>& x) {
  constexpr auto name = "global_max_pool2d";
  detail::check_image_with_pixels(name, x.shape());
  const auto d = detail::adaptive_pool2d_dims(name, x.shape(), 1);
  return reshape(detail::max_pool2d(name, x, detail::equal_windows(d)), Shape{d.n, d.c});
}

CNNRNN_NAMESPACE_END
