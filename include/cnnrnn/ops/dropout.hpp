#pragma once

#include <cstdint>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/random.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// In training, each element is 0 with probability p, else x / (1 - p), so that the mean stays; x
/// itself otherwise.
///
/// Any shape. Takes one draw from `random` in training, whatever the shape; the mask is the same
/// for any number of threads. Saves the mask, a byte an element. Throws ValueError unless p is in
/// [0, 1). Source: Srivastava et al. (2014).
template <class T>
Variable<T> dropout(const Variable<T>& x, double p, Random& random, bool training) {
  require<ValueError>(p >= 0 && p < 1, "dropout: expected p in [0, 1), got ", p);
  if (!training) {
    return x;
  }
  Tensor<std::uint8_t> mask(x.shape());
  kernels::dropout_mask(p, random.bits(), mask.mutable_span());
  Tensor<T> y(x.shape());
  const auto scale = static_cast<Accumulator<T>>(1 / (1 - p));
  kernels::dropout_forward<T>(x.value().span(), mask.span(), scale, y.mutable_span());
  return record<T>("dropout", {x}, y, [mask, scale](Gradients<T>& g) {
    kernels::dropout_backward<T>(mask.span(), scale, g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
