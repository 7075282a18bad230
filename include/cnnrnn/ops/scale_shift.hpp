#pragma once

#include <string_view>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// y = scale x + shift with two numbers, of any shape. Saves nothing. Its name on the tape is that
/// of the operator that it stands for.
template <class T>
Variable<T> scale_shift(const Variable<T>& x, Accumulator<T> scale, Accumulator<T> shift,
                        std::string_view name = "scale_shift") {
  Tensor<T> y(x.shape());
  kernels::scale_shift_forward<T>(x.value().span(), scale, shift, y.mutable_span());
  return record<T>(name, {x}, y, [scale](Gradients<T>& g) {
    kernels::scale_shift_backward<T>(scale, g.dy().span(), g.dx_over_dy());
  });
}

CNNRNN_NAMESPACE_END
