#pragma once

#include <cmath>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/norm.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Group or layer normalisation; dims have been checked.
template <class T>
Variable<T> group_norm(const char* name, const kernels::GroupNormDims& d, const Variable<T>& x,
                       const Variable<T>& gamma, const Variable<T>& beta, double epsilon) {
  require<ValueError>(epsilon > 0 && std::isfinite(epsilon), name,
                      ": expected a positive epsilon, got ", epsilon);
  Tensor<T> y(x.shape());
  Tensor<Accumulator<T>> mean({d.n, d.groups});
  Tensor<Accumulator<T>> inverse({d.n, d.groups});
  kernels::group_norm_forward(d, x.value().data(), gamma.value().data(), beta.value().data(),
                              epsilon, y.mutable_data(), mean.mutable_data(),
                              inverse.mutable_data());
  return record<T>(name, {x, gamma, beta}, y,
                   [d, mean, inverse, x = Saved<T>(x.value()),
                    gamma = Saved<T>(gamma.value())](Gradients<T>& g) {
                     const T* const dy = g.dy().data();
                     kernels::group_norm_backward(d, x->data(), gamma->data(), mean.data(),
                                                  inverse.data(), dy, g.dx(0), g.dx(1), g.dx(2));
                   });
}

template <class T>
void check_norm_parameters(const char* name, const Shape& expected, const Variable<T>& gamma,
                           const Variable<T>& beta) {
  require<ShapeError>(!gamma.defined() || gamma.shape() == expected, name,
                      ": expected a weight of shape ", expected, ", got ", gamma.shape());
  require<ShapeError>(!beta.defined() || beta.shape() == expected, name,
                      ": expected a bias of shape ", expected, ", got ", beta.shape());
}

}  // namespace detail

/// Group normalisation (Wu and He 2018): the channels in groups, each normalised with its mean and
/// biased variance over all pixels of one image, y = (x - mean) / sqrt(variance + epsilon) gamma +
/// beta.
///
/// x (N, ..., C) -> y of the same shape; gamma and beta (C) may be undefined. Saves x and the
/// statistics. Throws ShapeError, and ValueError for groups that do not divide C or an epsilon that
/// is not positive.
template <class T>
Variable<T> group_norm(const Variable<T>& x, Index groups, const Variable<T>& gamma = {},
                       const Variable<T>& beta = {}, double epsilon = 1e-5) {
  require<ShapeError>(x.rank() >= 2 && x.value().size() > 0,
                      "group_norm: expected x (N, ..., C), got ", x.shape());
  const Index channels = x.dim(-1);
  require<ValueError>(groups > 0 && channels % groups == 0,
                      "group_norm: expected groups that divide ", channels, " channels, got ",
                      groups);
  detail::check_norm_parameters("group_norm", {channels}, gamma, beta);
  const kernels::GroupNormDims d{x.dim(0), x.value().size() / (x.dim(0) * channels), channels,
                                 groups};
  return detail::group_norm("group_norm", d, x, gamma, beta, epsilon);
}

/// Layer normalisation (Ba, Kiros and Hinton 2016): each row of the last axes with its mean and
/// biased variance, y = (x - mean) / sqrt(variance + epsilon) gamma + beta.
///
/// x (..., `normalized`) -> y of the same shape; gamma and beta of shape `normalized` may be
/// undefined. Saves x and the statistics. Throws ShapeError, and ValueError for an epsilon that is
/// not positive.
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Shape& normalized, const Variable<T>& gamma = {},
                       const Variable<T>& beta = {}, double epsilon = 1e-5) {
  bool fits = normalized.rank() > 0 && normalized.rank() <= x.rank() && x.value().size() > 0;
  for (Index axis = 1; fits && axis <= normalized.rank(); ++axis) {
    fits = x.dim(-axis) == normalized[normalized.rank() - axis];
  }
  require<ShapeError>(fits, "layer_norm: expected x whose last axes are ", normalized, ", got ",
                      x.shape());
  detail::check_norm_parameters("layer_norm", normalized, gamma, beta);
  const Index width = normalized.size();
  return detail::group_norm("layer_norm", {x.value().size() / width, 1, width, 1}, x, gamma, beta,
                            epsilon);
}

CNNRNN_NAMESPACE_END
