#pragma once

#include <cmath>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/batch_norm.hpp"

CNNRNN_NAMESPACE_BEGIN

struct BatchNormalization {
  bool training = true;   ///< statistics of this batch, else the running ones
  double epsilon = 1e-5;  ///< added to the variance
  double momentum = 0.1;  ///< weight of this batch in the running statistics
};

/// Running mean and (unbiased) variance (C) of a batch norm; undefined when nobody tracks them.
template <class T>
struct RunningStatistics {
  Tensor<T> mean;
  Tensor<T> variance;
};

namespace detail {

template <class T>
struct BatchNormCoefficients {
  Tensor<T> mean, inverse, scale;
};

template <class T>
void check_batch_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                      const RunningStatistics<T>& running, const BatchNormalization& options) {
  require<ShapeError>(x.rank() >= 2, "batch_norm: expected x (N, ..., C), got ", x.shape());
  const Shape channels{x.dim(-1)};
  const auto fits = [&](const auto& part, const char* what) {
    require<ShapeError>(!part.defined() || part.shape() == channels, "batch_norm: expected ", what,
                        " of shape ", channels, ", got ", part.shape());
  };
  fits(gamma, "a weight");
  fits(beta, "a bias");
  fits(running.mean, "a running mean");
  fits(running.variance, "a running variance");
  require<ShapeError>(!options.training || x.value().size() > x.dim(-1),
                      "batch_norm: expected more than one value per channel in training, got ",
                      x.shape());
  require<ValueError>(options.training || (running.mean.defined() && running.variance.defined()),
                      "batch_norm: expected running statistics outside training, got none");
}

/// running = (1 - momentum) running + momentum new
template <class T>
void move_towards(Tensor<T>& running, const Tensor<T>& now, double factor, double momentum) {
  T* const to = running.mutable_data();
  for (Index c = 0; c < running.size(); ++c) {
    to[c] = static_cast<T>((1 - momentum) * static_cast<double>(to[c]) +
                           momentum * factor * static_cast<double>(now.data()[c]));
  }
}

/// The mean and 1 / sqrt(variance + epsilon) to normalise with; updates the running statistics.
template <class T>
BatchNormCoefficients<T> batch_norm_coefficients(const kernels::WideRows& d,
                                                 const Tensor<T>& x, const Tensor<T>& gamma,
                                                 RunningStatistics<T>& running,
                                                 const BatchNormalization& options) {
  Tensor<T> mean({d.channels});
  Tensor<T> variance({d.channels});
  if (!options.training) {
    mean.copy_from(running.mean);
    variance.copy_from(running.variance);
  } else {
    kernels::batch_norm_statistics(d, x.data(), mean.mutable_data(), variance.mutable_data());
    const auto rows = static_cast<double>(d.rows);
    if (running.mean.defined()) {
      move_towards(running.mean, mean, 1, options.momentum);
    }
    if (running.variance.defined()) {
      move_towards(running.variance, variance, rows / (rows - 1), options.momentum);
    }
  }
  Tensor<T> scale({d.channels});
  T* const inverse = variance.mutable_data();
  T* const scales = scale.mutable_data();
  for (Index c = 0; c < d.channels; ++c) {
    inverse[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(inverse[c]) + options.epsilon));
    scales[c] = inverse[c] * (gamma.defined() ? gamma.data()[c] : T(1));
  }
  return {mean, variance, scale};
}

template <class T>
struct BatchNormBackward {
  kernels::WideRows d;
  bool training;
  Saved<T> x, mean, inverse, scale;

  void operator()(Gradients<T>& g) const {
    const T* const dy = g.dy().data();
    Tensor<T> sums({2, d.channels});
    T* const dbeta = sums.mutable_data();
    T* const dgamma = dbeta + d.channels;
    if (training || g.needs(1) || g.needs(2)) {
      kernels::batch_norm_backward_sums(d, x->data(), dy, mean->data(), inverse->data(), dbeta,
                                        dgamma);
    }
    put(dgamma, g.dx(1));
    put(dbeta, g.dx(2));
    for (Index c = 0; c < d.channels; ++c) {  // from here on: slope and offset of the kernel
      const T weight = training ? scale->data()[c] / static_cast<T>(d.rows) : T(0);
      dgamma[c] = training ? dgamma[c] * inverse->data()[c] * weight : T(0);
      dbeta[c] = training ? dbeta[c] * weight : T(0);
    }
    kernels::batch_norm_backward_input(d, x->data(), dy, mean->data(), scale->data(), dgamma, dbeta,
                                       g.dx(0));
  }

  void put(const T* gradient, const GradientSpan<T>& to) const {
    for (Index c = 0; to.needed() && c < d.channels; ++c) {
      to.put(c, gradient[c]);
    }
  }
};

}  // namespace detail

/// Batch normalisation over the last axis, y = (x - mean) / sqrt(variance + epsilon) gamma + beta
/// (Ioffe and Szegedy 2015).
///
/// x (N, ..., C) -> y of the same shape; gamma and beta (C) may be undefined. In training mean and
/// biased variance are those of the batch, and the running statistics, if defined, move towards its
/// mean and unbiased variance by `momentum`; else the running ones are used. Saves x and the
/// statistics. Throws ShapeError, also for a single value per channel in training, and ValueError
/// when running statistics are needed and undefined.
template <class T>
Variable<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                       RunningStatistics<T> running = {}, const BatchNormalization& options = {}) {
  detail::check_batch_norm(x, gamma, beta, running, options);
  const Index channels = x.dim(-1);
  const kernels::WideRows d{channels > 0 ? x.value().size() / channels : 0, channels};
  const auto c = detail::batch_norm_coefficients(d, x.value(), gamma.value(), running, options);
  const Tensor<T> shift = beta.defined() ? beta.value() : Tensor<T>::zeros({channels});
  Tensor<T> y(x.shape());
  kernels::batch_norm_forward(d, x.value().data(), c.mean.data(), c.scale.data(), shift.data(),
                              y.mutable_data());
  return record<T>(
      "batch_norm", {x, gamma, beta}, y,
      detail::BatchNormBackward<T>{d, options.training, Saved<T>(x.value()), Saved<T>(c.mean),
                                   Saved<T>(c.inverse), Saved<T>(c.scale)});
}

CNNRNN_NAMESPACE_END
