#pragma once

#include <cstdint>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pool.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of max_pool2d.
struct Pool2dOptions {
  Size2d kernel = 2;       ///< its size
  Size2d stride = 0;       ///< 0 means the kernel
  Size2d padding = 0;      ///< at most half the kernel
  bool ceil_mode = false;  ///< keep a last window that is only partly inside
};

/// Options of avg_pool2d.
struct AvgPool2dOptions {
  Size2d kernel = 2;              ///< its size
  Size2d stride = 0;              ///< 0 means the kernel
  Size2d padding = 0;             ///< zeros on each side
  bool ceil_mode = false;         ///< keep a last window that is only partly inside
  bool count_include_pad = true;  ///< the zeros of the padding count in the mean
};

namespace detail {

/// Throws ValueError for options that nothing fits: a Size2d each, or numbers in one dimension.
template <class Options>
void check_pool(const char* name, const Options& options) {
  const Size2d kernel(options.kernel);
  const Size2d stride(options.stride);
  const Size2d padding(options.padding);
  require<ValueError>(kernel.h > 0 && kernel.w > 0, name, ": expected a positive kernel, got ",
                      options.kernel);
  require<ValueError>(stride.h >= 0 && stride.w >= 0, name,
                      ": expected a positive stride, or 0 for the kernel's size, got ",
                      options.stride);
  require<ValueError>(
      padding.h >= 0 && padding.w >= 0 && padding.h <= kernel.h / 2 && padding.w <= kernel.w / 2,
      name, ": expected a padding of 0 to half the kernel ", options.kernel, ", got ",
      options.padding);
}

}  // namespace detail

/// Throws ValueError for options that no image fits; `name` is the operation's.
inline void check_pool2d(const char* name, const Pool2dOptions& options) {
  detail::check_pool(name, options);
}

/// Those that both kinds of pooling have.
inline Pool2dOptions pool2d_options(const AvgPool2dOptions& options) {
  return {options.kernel, options.stride, options.padding, options.ceil_mode};
}

namespace detail {

/// 0 or less where not even one window begins inside, or there is nothing.
inline Index pool_outputs(Index size, Index kernel, Index stride, Index padding, bool ceil_mode) {
  const Index last = size + 2 * padding - kernel + (ceil_mode ? stride - 1 : 0);
  const Index outputs = last < 0 || size == 0 ? 0 : last / stride + 1;
  const bool starts_outside = (outputs - 1) * stride >= size + padding;
  return ceil_mode && starts_outside ? outputs - 1 : outputs;
}

inline kernels::Pool2dDims pool2d_dims(const char* name, const Shape& x,
                                       const Pool2dOptions& options) {
  check_pool2d(name, options);
  const auto& [kernel, stride, padding, ceil_mode] = options;
  require<ShapeError>(x.rank() == 4, name, ": expected x (N, H, W, C), got ", x);
  const Size2d step(stride.h > 0 ? stride.h : kernel.h, stride.w > 0 ? stride.w : kernel.w);
  const Index oh = pool_outputs(x[1], kernel.h, step.h, padding.h, ceil_mode);
  const Index ow = pool_outputs(x[2], kernel.w, step.w, padding.w, ceil_mode);
  require<ShapeError>(oh > 0 && ow > 0, name, ": expected an image of at least the kernel ", kernel,
                      ", got ", x, " with padding ", padding);
  return {.n = x[0],
          .h = x[1],
          .w = x[2],
          .c = x[3],
          .oh = oh,
          .ow = ow,
          .kernel = kernel,
          .stride = step,
          .padding = padding};
}

/// Whether the windows are the whole ones of 2 x 2 side by side, which passes before may take
/// along.
inline bool pools_by_two(const Pool2dOptions& options) {
  return options.kernel == Size2d(2) &&
         (options.stride == Size2d(0) || options.stride == Size2d(2)) &&
         options.padding == Size2d(0) && !options.ceil_mode;
}

/// What comes of x: a row of windows where that is (N, T, C).
template <class Dims>
Shape pooled_shape(const Shape& x, const Dims& d) {
  return x.rank() == 3 ? Shape{d.n, d.ow, d.c} : Shape{d.n, d.oh, d.ow, d.c};
}

/// Max-pooling with the places in the windows kept as `Place`; finish(block, rows, pixels) is
/// called for each block of finished pixels, `rows` of them.
template <class Place, class T, class Dims, class Finish>
Variable<T> max_pool2d_with(const char* name, const Variable<T>& x, const Dims& d,
                            const Finish& finish) {
  Tensor<T> y(pooled_shape(x.shape(), d));
  T* const to = y.mutable_data();
  const auto finish_block = [&](Index block, Index begin, Index end) {
    finish(block, end - begin, to + begin * d.c);
  };
  if (!x.requires_grad() || !grad_enabled()) {
    kernels::max_pool2d_forward(d, x.value().data(), to, finish_block);
    return Variable<T>(y);
  }
  Tensor<Place> place(y.shape());
  kernels::max_pool2d_forward(d, x.value().data(), to, place.mutable_data(), finish_block);
  return record<T>(name, {x}, y, [d, place = Saved<Place>(place)](Gradients<T>& g) {
    kernels::max_pool2d_backward(d, place->data(), g.dy().data(), g.dx());
  });
}

/// The same with places no larger than need be; `kernel` is what the message shows.
template <class T, class Dims, class Kernel, class Finish = kernels::NothingMore>
Variable<T> max_pool(const char* name, const Variable<T>& x, const Dims& d, const Kernel& kernel,
                     const Finish& finish = {}) {
  constexpr Index exact = 1 << 24;  // places are compared as T, and float counts no further
  require<ValueError>(d.kernel.area() <= exact, name, ": expected a kernel of at most ", exact,
                      " elements, got ", kernel);
  return d.kernel.area() <= 256 ? max_pool2d_with<std::uint8_t>(name, x, d, finish)
                                : max_pool2d_with<std::uint32_t>(name, x, d, finish);
}

template <class T, class Dims>
Variable<T> max_pool2d(const char* name, const Variable<T>& x, const Dims& d) {
  return max_pool(name, x, d, d.kernel);
}

template <class T, class Dims>
Variable<T> avg_pool2d(const char* name, const Variable<T>& x, const Dims& d, bool padded) {
  Tensor<T> y(pooled_shape(x.shape(), d));
  kernels::avg_pool2d_forward(d, padded, x.value().data(), y.mutable_data());
  return record<T>(name, {x}, y, [d, padded](Gradients<T>& g) {
    kernels::avg_pool2d_backward(d, padded, g.dy().data(), g.dx());
  });
}

/// avg_pool2d, or avg_pool1d.
template <class T>
Variable<T> avg_pool2d(const Variable<T>& x, const kernels::Pool2dDims& d, bool padded) {
  return avg_pool2d(x.rank() == 3 ? "avg_pool1d" : "avg_pool2d", x, d, padded);
}

}  // namespace detail

/// Max-pooling over windows; the padding never wins, NaN always does.
///
/// x (N, H, W, C) -> y (N, OH, OW, C) with OH = floor((H + 2 padding - kernel) / stride) + 1. In
/// ceil mode it is rounded up, but for a window that would begin behind the image and the padding
/// before it, as in PyTorch. Saves the places of the largest, a byte each up to 256 pixels. Throws
/// ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> max_pool2d(const Variable<T>& x, const Pool2dOptions& options = {}) {
  return detail::max_pool2d("max_pool2d", x, detail::pool2d_dims("max_pool2d", x.shape(), options));
}

/// Average pooling over windows; the padding counts as zeros, or not at all.
///
/// x (N, H, W, C) -> y (N, OH, OW, C), sizes as in max_pool2d. Saves nothing. Throws ShapeError,
/// and ValueError for options out of range.
template <class T>
Variable<T> avg_pool2d(const Variable<T>& x, const AvgPool2dOptions& options = {}) {
  return detail::avg_pool2d("avg_pool2d", x,
                            detail::pool2d_dims("avg_pool2d", x.shape(), pool2d_options(options)),
                            options.count_include_pad);
}

/// The mean of each channel over the image: x (N, H, W, C) -> y (N, C). Saves nothing. Throws
/// ShapeError.
template <class T>
Variable<T> global_avg_pool2d(const Variable<T>& x) {
  require<ShapeError>(x.rank() == 4 && x.dim(1) > 0 && x.dim(2) > 0,
                      "global_avg_pool2d: expected x (N, H, W, C) with pixels, got ", x.shape());
  const kernels::GlobalPoolDims d{x.dim(0), x.dim(1) * x.dim(2), x.dim(3)};
  Tensor<T> y({d.n, d.c});
  kernels::global_avg_pool_forward(d, x.value().data(), y.mutable_data());
  return record<T>("global_avg_pool2d", {x}, y, [d](Gradients<T>& g) {
    kernels::global_avg_pool_backward(d, g.dy().data(), g.dx());
  });
}

CNNRNN_NAMESPACE_END
