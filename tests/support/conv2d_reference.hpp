#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/ops/packed_convolution.hpp"
#include "support/close.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"

// Convolutions by their definition, and rows of conv2d's table that are held against it.

namespace cnnrnn {

/// The sums of the definition.
inline Tensor<double> naive_conv2d(const Tensors<double>& in, const Convolution& o) {
  const auto& [x, weight, bias] = std::tie(in[0], in[1], in[2]);
  const auto outputs = [&](Index size, Index kernel, Index stride, Index padding, Index dilation) {
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  };
  const Index oh = outputs(x.dim(1), weight.dim(2), o.stride.h, o.padding.h, o.dilation.h);
  const Index ow = outputs(x.dim(2), weight.dim(3), o.stride.w, o.padding.w, o.dilation.w);
  Tensor<double> y({x.dim(0), oh, ow, weight.dim(0)});
  const Index inner = weight.dim(1);
  const Index group_outputs = weight.dim(0) / o.groups;
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index p = 0; p < oh; ++p) {
      for (Index q = 0; q < ow; ++q) {
        for (Index out = 0; out < weight.dim(0); ++out) {
          double sum = bias(out);
          for (Index i = 0; i < weight.dim(2); ++i) {
            for (Index j = 0; j < weight.dim(3); ++j) {
              const Index row = p * o.stride.h + i * o.dilation.h - o.padding.h;
              const Index column = q * o.stride.w + j * o.dilation.w - o.padding.w;
              if (row < 0 || row >= x.dim(1) || column < 0 || column >= x.dim(2)) {
                continue;
              }
              // Pointers: sanitizers take their time for the checks of an index.
              const double* const from = &x(n, row, column, out / group_outputs * inner);
              const double* const tap = &weight(out, 0, i, j);
              for (Index c = 0; c < inner; ++c) {
                sum += from[c] * tap[c * weight.dim(2) * weight.dim(3)];
              }
            }
          }
          y.mutable_at(n, p, q, out) = o.relu ? std::max(sum, 0.0) : sum;
        }
      }
    }
  }
  return y;
}

inline OpCase conv2d_case(const Shape& x, const Shape& weight, const Convolution& options) {
  return {to_message(x, " with ", weight),
          {random_tensor<double>(x, 1), random_tensor<double>(weight, 2),
           random_tensor<double>({weight[0]}, 3)},
          [=](const auto& v) { return conv2d(v[0], v[1], v[2], options); },
          [=](const Tensors<double>& in) { return naive_conv2d(in, options); },
          {1e-13, 1e-5}};
}

/// y, mean and variance of the channels by the definition.
inline Tensors<double> naive_conv2d_moments(const Tensors<double>& in, const Convolution& options) {
  const auto y = naive_conv2d(in, options);
  const Index channels = y.dim(3);
  const auto rows = static_cast<double>(y.size() / channels);
  auto mean = Tensor<double>::zeros({channels});
  auto variance = Tensor<double>::zeros({channels});
  for (Index i = 0; i < y.size(); ++i) {
    mean.mutable_at(i % channels) += y.data()[i] / rows;
  }
  for (Index i = 0; i < y.size(); ++i) {
    variance.mutable_at(i % channels) += std::pow(y.data()[i] - mean(i % channels), 2) / rows;
  }
  return {y, mean, variance};
}

inline OpCase conv2d_moments_case(const Shape& x, const Shape& weight, const Convolution& options) {
  auto c = conv2d_case(x, weight, options);
  c.op = [=](const auto& v) {
    const auto result = conv2d_moments(v[0], v[1], v[2], options);
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    return std::vector<Variable<T>>{result.y, result.mean, result.variance};
  };
  c.reference = [=](const Tensors<double>& in) { return naive_conv2d_moments(in, options); };
  c.tolerance = {1e-12, 1e-4};
  c.gradcheck = Gradcheck::constants;
  return c;
}

/// A convolution to be tested.
struct Conv2dCase {
  Shape x;
  Shape weight;
  Convolution options;
};

/// The sizes by which the kernels of a case are chosen.
inline kernels::Conv2dDims dims_of(const Conv2dCase& c) {
  return {.n = c.x[0],
          .h = c.x[1],
          .w = c.x[2],
          .c = c.x[3],
          .o = c.weight[0],
          .kernel = {c.weight[2], c.weight[3]},
          .stride = c.options.stride,
          .padding = c.options.padding,
          .dilation = c.options.dilation,
          .groups = c.options.groups,
          .algorithm = c.options.algorithm};
}

/// Rows of conv2d's table; the gradients of the large ones are not differenced.
inline std::vector<OpCase> conv2d_cases(const std::vector<Conv2dCase>& small,
                                        const std::vector<Conv2dCase>& large) {
  std::vector<OpCase> all;
  for (const Conv2dCase& c : small) {
    all.push_back(conv2d_case(c.x, c.weight, c.options));
  }
  for (const Conv2dCase& c : large) {
    all.push_back(conv2d_case(c.x, c.weight, c.options));
    all.back().gradcheck = Gradcheck::too_large;
  }
  return all;
}

/// Rows of conv2d_moments' table: y alone of the small one, all results of the large ones.
inline std::vector<OpCase> conv2d_moments_cases(const Conv2dCase& small,
                                                const std::vector<Conv2dCase>& large) {
  auto y_alone = conv2d_case(small.x, small.weight, small.options);
  y_alone.op = [=](const auto& v) { return conv2d_moments(v[0], v[1], v[2], small.options).y; };
  std::vector<OpCase> all{y_alone};
  for (const Conv2dCase& c : large) {
    all.push_back(conv2d_moments_case(c.x, c.weight, c.options));
  }
  return all;
}

/// Checks a packed convolution with scale, shift, residual and ReLU.
inline void check_packed_convolution(const Conv2dCase& c, double tolerance) {
  const auto x = random_tensor<double>(c.x, 1);
  const auto weight = random_tensor<double>(c.weight, 2);
  const Index outputs = c.weight[0];
  const auto bias = random_tensor<double>({outputs}, 3);
  const auto scale = random_tensor<double>({outputs}, 4);
  const auto shift = random_tensor<double>({outputs}, 5);
  const Shape other = x.shape().with(1, x.dim(1) + 5).with(0, 1);  // it may be used for any size
  const PackedConvolution<double> packed(other, weight, bias, scale, shift, c.options);
  auto expected = naive_conv2d({x, weight, bias}, c.options);
  const auto residual = random_tensor<double>(expected.shape(), 6);
  for (Index i = 0; i < expected.size(); ++i) {
    double& value = expected.mutable_data()[i];
    value = value * scale(i % outputs) + shift(i % outputs) + residual.data()[i];
    value = std::max(value, 0.0);
  }
  require_close(packed(x, true, residual), expected, tolerance);
}

}  // namespace cnnrnn
