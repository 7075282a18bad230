#pragma once

#include <algorithm>
#include <tuple>

#include "cnnrnn/ops/conv_transpose2d.hpp"
#include "support/op_table.hpp"

// Transposed convolutions by their definition.

namespace cnnrnn {

/// Every pixel of x adds its products with the weights to the places of y that it reaches.
inline Tensor<double> naive_conv_transpose2d(const Tensors<double>& in,
                                             const TransposedConvolution& o) {
  const auto& [x, weight, bias] = std::tie(in[0], in[1], in[2]);
  const auto outputs = [](Index size, Index kernel, Index stride, Index padding, Index added,
                          Index dilation) {
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + added + 1;
  };
  const Index inner = weight.dim(1);
  const Index group_inputs = x.dim(3) / o.groups;
  Tensor<double> y(
      {x.dim(0),
       outputs(x.dim(1), weight.dim(2), o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h),
       outputs(x.dim(2), weight.dim(3), o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w),
       inner * o.groups});
  for (Index i = 0; i < y.size(); ++i) {
    y.mutable_data()[i] = bias(i % y.dim(3));
  }
  for (Index at = 0; at < x.size(); ++at) {
    const Index c = at % x.dim(3);
    const Index q = at / x.dim(3) % x.dim(2);
    const Index p = at / x.dim(3) / x.dim(2) % x.dim(1);
    const Index n = at / x.dim(3) / x.dim(2) / x.dim(1);
    for (Index i = 0; i < weight.dim(2); ++i) {
      for (Index j = 0; j < weight.dim(3); ++j) {
        const Index row = p * o.stride.h + i * o.dilation.h - o.padding.h;
        const Index column = q * o.stride.w + j * o.dilation.w - o.padding.w;
        if (row < 0 || row >= y.dim(1) || column < 0 || column >= y.dim(2)) {
          continue;
        }
        for (Index k = 0; k < inner; ++k) {
          y.mutable_at(n, row, column, c / group_inputs * inner + k) +=
              x.data()[at] * weight(c, k, i, j);
        }
      }
    }
  }
  for (double& value : y.mutable_span()) {
    value = o.relu ? std::max(value, 0.0) : value;
  }
  return y;
}

}  // namespace cnnrnn
