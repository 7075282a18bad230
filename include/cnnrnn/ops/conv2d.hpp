#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/kernels/norm.hpp"
#include "cnnrnn/kernels/reduction.hpp"
#include "cnnrnn/ops/relu.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of conv2d.
struct Convolution {
  Size2d stride{1};                                    ///< steps between two windows
  Size2d padding{0};                                   ///< zeros on each side
  Size2d dilation{1};                                  ///< steps between the kernel's elements
  Index groups = 1;                                    ///< of channels, each convolved for itself
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
  bool relu = false;                                   ///< of the result, in the same pass
};

namespace detail {

/// Throws ValueError for options out of range: a Size2d each, or numbers in one dimension.
template <class Options>
void check_convolution(const char* name, const Options& options) {
  const Size2d stride(options.stride);
  const Size2d padding(options.padding);
  const Size2d dilation(options.dilation);
  require<ValueError>(stride.h > 0 && stride.w > 0, name, ": expected a positive stride, got ",
                      options.stride);
  require<ValueError>(padding.h >= 0 && padding.w >= 0, name,
                      ": expected a padding of 0 or more, got ", options.padding);
  require<ValueError>(dilation.h > 0 && dilation.w > 0, name,
                      ": expected a positive dilation, got ", options.dilation);
  require<ValueError>(options.groups > 0, name, ": expected a positive number of groups, got ",
                      options.groups);
}

inline kernels::Conv2dDims conv2d_dims(const Shape& x, const Shape& weight, bool has_bias,
                                       const Shape& bias, const Convolution& options) {
  check_convolution("conv2d", options);
  require<ShapeError>(x.rank() == 4, "conv2d: expected x (N, H, W, C), got ", x);
  require<ShapeError>(weight.rank() == 4 && weight.size() > 0,
                      "conv2d: expected a weight (O, C / groups, KH, KW), got ", weight);
  require<ShapeError>(x[3] == weight[1] * options.groups, "conv2d: expected input channels ",
                      weight[1] * options.groups, ", got ", x);
  require<ShapeError>(weight[0] % options.groups == 0,
                      "conv2d: expected output channels divisible by ", options.groups,
                      " groups, got ", weight);
  require<ShapeError>(!has_bias || bias == Shape{weight[0]}, "conv2d: expected a bias of shape ",
                      Shape{weight[0]}, ", got ", bias);
  const kernels::Conv2dDims d{x[0],
                              x[1],
                              x[2],
                              x[3],
                              weight[0],
                              {weight[2], weight[3]},
                              options.stride,
                              options.padding,
                              options.dilation,
                              options.groups,
                              options.algorithm};
  require<ValueError>(options.algorithm != ConvAlgorithm::winograd || kernels::has_winograd(d),
                      "conv2d: expected a 3x3 kernel at stride 1 without dilation for Winograd's "
                      "algorithm, got a weight ",
                      weight, ", stride ", d.stride, ", dilation ", d.dilation);
  const Size2d reach{d.dilation.h * (d.kernel.h - 1) + 1, d.dilation.w * (d.kernel.w - 1) + 1};
  require<ShapeError>(d.h + 2 * d.padding.h >= reach.h && d.w + 2 * d.padding.w >= reach.w,
                      "conv2d: expected an image of at least ", reach, " with its padding ",
                      d.padding, ", got ", x);
  return d;
}

/// The backward pass of conv2d; y is kept if a ReLU followed.
template <class T>
struct Conv2dBackward {
  kernels::Conv2dDims d;
  bool relu;
  Saved<T> x, weight, y;

  void operator()(Gradients<T>& g) const {
    const Tensor<T> dy = relu ? before_relu(*y, g.dy()) : g.dy();
    kernels::conv2d_backward_input(d, weight->data(), dy.data(), g.dx(0));
    kernels::conv2d_backward_weight(d, x->data(), dy.data(), g.dx(1));
    kernels::column_sums(d.n * d.oh() * d.ow(), d.o, dy.data(), g.dx(2));
  }
};

/// conv2d that also leaves the moments of y's channels, unless `moments` is null; conv1d where x is
/// (N, T, C), which is one row.
template <class T>
Variable<T> conv2d(const kernels::Conv2dDims& d, const Variable<T>& x, const Variable<T>& weight,
                   const Variable<T>& bias, bool relu,
                   kernels::ChannelMoments<Accumulator<T>>* moments) {
  const bool sequences = x.rank() == 3;
  Tensor<T> y(sequences ? Shape{d.n, d.ow(), d.o} : Shape{d.n, d.oh(), d.ow(), d.o});
  const auto shift = kernels::widened(bias.value());
  kernels::conv2d_forward<T>(d, x.value().data(), weight.value().data(),
                             {.data = y.mutable_data(),
                              .channels = d.o,
                              .bias = shift.data(),
                              .activation = relu ? Activation::relu : Activation::none,
                              .moments = moments});
  return record<T>(sequences ? "conv1d" : "conv2d", {x, weight, bias}, y,
                   Conv2dBackward<T>{d, relu, Saved<T>(x.value()), Saved<T>(weight.value()),
                                     Saved<T>(relu ? y : Tensor<T>())});
}

}  // namespace detail

/// Two-dimensional convolution (cross-correlation, as everywhere in the field).
///
/// x (N, H, W, C), weight (O, C / groups, KH, KW), bias (O) or undefined -> y (N, OH, OW, O) with
/// OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1. Saves x and weight, and y
/// with a ReLU. Throws ShapeError, and ValueError for options out of range or an algorithm that
/// does not exist for them.
template <class T>
Variable<T> conv2d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {},
                   const Convolution& options = {}) {
  const auto d =
      detail::conv2d_dims(x.shape(), weight.shape(), bias.defined(), bias.shape(), options);
  return detail::conv2d<T>(d, x, weight, bias, options.relu, nullptr);
}

/// A convolution's result, and the mean and biased variance (O) of its channels.
template <class T>
struct ConvolutionMoments {
  Variable<T> y;                    ///< the convolution
  Tensor<Accumulator<T>> mean;      ///< of each channel of y, (O)
  Tensor<Accumulator<T>> variance;  ///< the biased one, (O)
};

/// conv2d for a batch norm behind it: takes the moments of the result block by block, while it is
/// in the cache. Those of bfloat16 are of the rounded result. Shapes and errors are those of
/// conv2d.
template <class T>
ConvolutionMoments<T> conv2d_moments(const Variable<T>& x, const Variable<T>& weight,
                                     const Variable<T>& bias = {},
                                     const Convolution& options = {}) {
  using A = Accumulator<T>;
  const auto d =
      detail::conv2d_dims(x.shape(), weight.shape(), bias.defined(), bias.shape(), options);
  ConvolutionMoments<T> result{{}, Tensor<A>({d.o}), Tensor<A>({d.o})};
  A* const mean = result.mean.mutable_data();
  A* const variance = result.variance.mutable_data();
  if (kernels::conv2d_takes_moments<T>(d)) {
    kernels::ChannelMoments<A> moments(kernels::conv2d_blocks<T>(d), d.o);
    result.y = detail::conv2d<T>(d, x, weight, bias, options.relu, &moments);
    moments.combine(mean, variance);
  } else {
    result.y = detail::conv2d<T>(d, x, weight, bias, options.relu, nullptr);
    kernels::batch_norm_statistics({d.n * d.oh() * d.ow(), d.o}, result.y.value().data(), mean,
                                   variance);
  }
  return result;
}

CNNRNN_NAMESPACE_END
