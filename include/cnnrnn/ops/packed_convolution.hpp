#pragma once

#include <utility>

#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/pooling.hpp"

CNNRNN_NAMESPACE_BEGIN

/// A convolution for inference: its weights are packed once, and a scale and a shift (O) behind it,
/// those of a batch norm, are folded into weights and bias. It does not see later changes of the
/// tensors that it was made of. Nothing is recorded, and any number of threads may call it at once.
template <class T>
class PackedConvolution {
  using A = Accumulator<T>;

 public:
  /// weight and bias as in conv2d; scale and shift may be undefined. `x` is a shape that it will be
  /// used for: with images of other sizes it computes the same, rounded otherwise and not as fast,
  /// unless it fits them. Throws as conv2d.
  PackedConvolution(const Shape& x, const Tensor<T>& weight, const Tensor<T>& bias,
                    const Tensor<A>& scale, const Tensor<A>& shift, const Convolution& options)
      : options_(options), weight_shape_(weight.shape()) {
    auto d = detail::conv2d_dims(x, weight.shape(), bias.defined(), bias.shape(), options);
    d.n = many_images;  // results must not depend on how many images came first
    require<ShapeError>(
        scale.defined() == shift.defined() &&
            (!scale.defined() || (scale.shape() == Shape{d.o} && shift.shape() == Shape{d.o})),
        "packed convolution: expected a scale and a shift of shape ", Shape{d.o}, ", got ",
        scale.shape(), " and ", shift.shape());
    kernel_ = kernels::forward_kernel<T>(d);
    packed_ = kernels::conv2d_pack(d, weight.data(), scale.data());
    bias_ = shift.defined() ? shift.clone() : Tensor<A>::zeros({d.o});
    for (Index o = 0; bias.defined() && o < d.o; ++o) {
      bias_.mutable_data()[o] += bias.data()[o] * (scale.defined() ? scale.data()[o] : A(1));
    }
  }

  /// Whether one made for x's shape would do the same to the bit. The number of images makes no
  /// difference.
  bool fits(const Shape& x) const {
    auto d = detail::conv2d_dims(x, weight_shape_, false, {}, options_);
    d.n = many_images;
    return kernels::forward_kernel<T>(d) == kernel_;
  }

  /// x (N, H, W, C) -> y (N, OH, OW, O), plus a residual of y's shape unless it is undefined,
  /// through an activation. Throws ShapeError.
  Tensor<T> operator()(const Tensor<T>& x, Activation activation,
                       const Tensor<T>& residual = {}) const {
    const auto d = dims(x);
    Tensor<T> y({d.n, d.oh(), d.ow(), d.o});
    require<ShapeError>(!residual.defined() || residual.shape() == y.shape(),
                        "packed convolution: expected a residual of shape ", y.shape(), ", got ",
                        residual.shape());
    kernels::conv2d_forward<T>(d, kernel_, x.data(), packed_,
                               {.data = y.mutable_data(),
                                .channels = d.o,
                                .bias = bias_.data(),
                                .residual = residual.data(),
                                .activation = activation});
    return y;
  }

  /// The same through a ReLU or not.
  Tensor<T> operator()(const Tensor<T>& x, bool relu, const Tensor<T>& residual = {}) const {
    return (*this)(x, relu ? Activation::relu : Activation::none, residual);
  }

  /// Max-pooled by windows of 2 x 2, and through an activation: x -> y (N, OH / 2, OW / 2, O).
  /// Throws as max_pool2d, too.
  Tensor<T> pool(const Tensor<T>& x, Activation activation) const {
    const auto d = dims(x);
    const auto windows =
        detail::pool2d_dims("max_pool2d", {d.n, d.oh(), d.ow(), d.o}, {.kernel = 2});
    // A ReLU may come first: it keeps the order of what it does not make equal.
    const auto first = activation == Activation::relu ? Activation::relu : Activation::none;
    Tensor<T> y({d.n, windows.oh, windows.ow, d.o});
    if (kernels::conv2d_pools(kernel_)) {
      kernels::conv2d_forward<T>(d, kernel_, x.data(), packed_,
                                 {.data = y.mutable_data(),
                                  .channels = d.o,
                                  .bias = bias_.data(),
                                  .activation = first,
                                  .pool = true});
    } else {
      kernels::max_pool2d_forward(windows, (*this)(x, first).data(), y.mutable_data());
    }
    if (activation != first) {
      kernels::activate_in_place(activation, y.size(), y.mutable_data());
    }
    return y;
  }

  /// The same through a ReLU.
  Tensor<T> relu_pool(const Tensor<T>& x) const { return pool(x, Activation::relu); }

 private:
  static constexpr Index many_images = 1024;

  kernels::Conv2dDims dims(const Tensor<T>& x) const {
    return detail::conv2d_dims(x.shape(), weight_shape_, false, {}, options_);
  }

  Convolution options_;
  Shape weight_shape_;
  kernels::ConvKernel kernel_;
  Tensor<A> packed_;
  Tensor<A> bias_;
};

CNNRNN_NAMESPACE_END
