#pragma once

#include <utility>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/resample.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// x (N, H, W, C) with a matrix applied to each axis of its images. Saves nothing.
template <class T>
Variable<T> resample(const char* name, const Variable<T>& x,
                     kernels::ResampleDims<Accumulator<T>> d) {
  Tensor<T> y({d.n, d.rows.outputs(), d.columns.outputs(), d.c});
  kernels::resample_forward(d, x.value().data(), y.mutable_data());
  return record<T>(name, {x}, y, [d = std::move(d)](Gradients<T>& g) {
    kernels::resample_backward(d, g.dy().data(), g.dx());
  });
}

}  // namespace detail

CNNRNN_NAMESPACE_END
