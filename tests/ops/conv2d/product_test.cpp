// 1x1 convolutions, which are products of matrices.
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/ops/packed_convolution.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv2d_reference.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  Shape x;
  Shape weight;
  Convolution options;
};

/// A pixel alone, tails in every dimension, strides that do not divide and that pass over the end.
const std::vector<Case> cases{
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{2, 5, 3, 7}, {9, 7, 1, 1}, {}},
    {{1, 3, 5, 33}, {19, 33, 1, 1}, {.relu = true}},
    {{2, 5, 6, 3}, {5, 3, 1, 1}, {.stride = 2}},
    {{1, 7, 8, 4}, {6, 4, 1, 1}, {.stride = {3, 5}}},
    {{2, 4, 3, 5}, {3, 5, 1, 1}, {.dilation = 3}},
};

const std::vector<Case> large{
    {{3, 30, 31, 40}, {70, 40, 1, 1}, {}},
    {{3, 61, 59, 40}, {70, 40, 1, 1}, {.stride = 2}},
};

}  // namespace

TEST_CASE("conv2d 1x1") {
  std::vector<OpCase> all;
  for (const Case& c : cases) {
    all.push_back(conv2d_case(c.x, c.weight, c.options));
  }
  for (const Case& c : large) {
    all.push_back(conv2d_case(c.x, c.weight, c.options));
    all.back().gradcheck = Gradcheck::too_large;
  }
  check_op("conv2d", all);
}

TEST_CASE("conv2d_moments of 1x1 convolutions") {
  const Case& small = cases[1];
  auto y_alone = conv2d_case(small.x, small.weight, small.options);
  y_alone.op = [&](const auto& v) { return conv2d_moments(v[0], v[1], v[2], small.options).y; };
  std::vector<OpCase> all{y_alone};
  for (const Case& c : large) {
    all.push_back(conv2d_moments_case(c.x, c.weight, c.options));
  }
  check_op("conv2d_moments", all);
}

TEST_CASE("a packed 1x1 convolution scales, shifts, adds a residual and rectifies") {
  for (const Index stride : {1, 2}) {
    const auto x = random_tensor<double>({2, 40, 35, 24}, 1);
    const auto weight = random_tensor<double>({37, 24, 1, 1}, 2);
    const auto bias = random_tensor<double>({37}, 3);
    const auto scale = random_tensor<double>({37}, 4);
    const auto shift = random_tensor<double>({37}, 5);
    const Convolution options{.stride = stride};
    const PackedConvolution<double> packed(x.shape(), weight, bias, scale, shift, options);
    auto expected = naive_conv2d({x, weight, bias}, options);
    const auto residual = random_tensor<double>(expected.shape(), 6);
    for (Index i = 0; i < expected.size(); ++i) {
      double& value = expected.mutable_data()[i];
      value = value * scale(i % 37) + shift(i % 37) + residual.data()[i];
      value = std::max(value, 0.0);
    }
    require_close(packed(x, true, residual), expected, 1e-12);
  }
}

TEST_CASE("1x1 convolutions without padding and groups are products") {
  const auto kernel = [](Index padding, Index groups) {
    return kernels::forward_kernel<float>({.n = 1,
                                           .h = 8,
                                           .w = 8,
                                           .c = 128,
                                           .o = 128,
                                           .kernel = 1,
                                           .padding = padding,
                                           .groups = groups});
  };
  CHECK(kernel(0, 1) == kernels::ConvKernel::product);
  CHECK(kernel(1, 1) == kernels::ConvKernel::direct);
  CHECK(kernel(0, 2) == kernels::ConvKernel::direct);
}
