#pragma once

#include "cnnrnn/kernels/norm.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/pooling.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

template <class T>
struct BatchNormPoolBackward {
  kernels::Pool2dDims d;
  bool training;
  Saved<T> x, chosen;
  BatchNormChannels<T> channels;

  void operator()(Gradients<T>& g) const {
    const T* const dy = g.dy().data();
    const kernels::WideRows windows(d.n * d.oh * d.ow, d.c);
    ThroughStatistics<T> rest(d.c);
    if (BatchNormSums<T>::wanted(g, training)) {
      const BatchNormSums<T> sums(
          windows, chosen->data(), channels.affine(windows), channels,
          kernels::ActivationUpstream<T, kernels::ReluFunction<Accumulator<T>>>{dy});
      sums.give(g);
      rest = sums.through_statistics(training, d.n * d.h * d.w, channels);
    }
    kernels::batch_norm_pool_backward_input(d, x->data(), chosen->data(), dy, channels.mean(),
                                            channels.scale(), channels.shift(), rest.slope(),
                                            rest.offset(), g.dx(0));
  }
};

}  // namespace detail

/// Batch norm, ReLU and max-pooling over windows of 2 x 2, the end of a stage of convolutions, in
/// one pass: max_pool2d(batch_norm(x, ..., {.relu = true})).
///
/// x (N, H, W, C) -> y (N, H / 2, W / 2, C), rounded down; the rest as in batch_norm, whose option
/// `relu` is not asked. Saves x, the statistics, and the x behind each y. Throws as batch_norm and
/// max_pool2d.
template <class T>
Variable<T> batch_norm_relu_pool(const Variable<T>& x, const Variable<T>& gamma,
                                 const Variable<T>& beta, RunningStatistics<T> running = {},
                                 const BatchNormalization& options = {},
                                 const BatchStatistics<T>& batch = {}) {
  constexpr const char* name = "batch_norm_relu_pool";
  const auto d = detail::pool2d_dims(name, x.shape(), {.kernel = 2});
  detail::check_batch_norm(name, x, gamma, beta, running, options, batch);
  const auto channels = detail::batch_norm_channels({d.n * d.h * d.w, d.c}, x.value(), gamma, beta,
                                                    running, options, batch);
  Tensor<T> y({d.n, d.oh, d.ow, d.c});
  const bool recorded =
      grad_enabled() && (x.requires_grad() || gamma.requires_grad() || beta.requires_grad());
  Tensor<T> chosen = recorded ? Tensor<T>(y.shape()) : Tensor<T>();
  kernels::batch_norm_pool_forward(d, x.value().data(), channels.mean(), channels.scale(),
                                   channels.shift(), y.mutable_data(), chosen.mutable_data());
  return record<T>(name, {x, gamma, beta}, y,
                   detail::BatchNormPoolBackward<T>{d, options.training, Saved<T>(x.value()),
                                                    Saved<T>(chosen), channels});
}

CNNRNN_NAMESPACE_END
