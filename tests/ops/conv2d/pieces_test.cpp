// Convolutions that are put together from 3x3 ones: larger kernels, and dilated ones.
#include <algorithm>
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

/// Pieces that are cut by the end of the kernel or not, images smaller than the kernel, paddings
/// that are not the usual ones, dilations that divide the image or not and that leave images of the
/// batch without a row.
const std::vector<Case> cases{
    {{2, 7, 6, 17}, {19, 17, 5, 5}, {.padding = 2}},
    {{1, 4, 9, 16}, {16, 16, 5, 6}, {.padding = {2, 0}}},
    {{1, 3, 5, 16}, {18, 16, 7, 7}, {.padding = {4, 3}, .relu = true}},
    {{1, 5, 6, 18}, {16, 18, 3, 2}, {.padding = 1}},
    {{2, 9, 8, 17}, {19, 17, 3, 3}, {.padding = 2, .dilation = 2}},
    {{1, 7, 10, 16}, {16, 16, 3, 3}, {.padding = {0, 3}, .dilation = {3, 2}, .relu = true}},
    {{1, 5, 5, 16}, {17, 16, 3, 3}, {.padding = 4, .dilation = 4}},
    {{1, 11, 10, 16}, {16, 16, 5, 5}, {.padding = 1, .dilation = 2}},
};

const std::vector<Case> large{
    {{3, 29, 28, 16}, {40, 16, 5, 5}, {.padding = 2}},
    {{3, 33, 31, 24}, {33, 24, 3, 3}, {.padding = 2, .dilation = 2}},
};

OpCase tolerant(OpCase c) {
  c.tolerance = {1e-11, 1e-4};  // as Winograd's algorithm
  return c;
}

}  // namespace

TEST_CASE("conv2d in pieces") {
  std::vector<OpCase> all;
  for (const Case& c : cases) {
    all.push_back(tolerant(conv2d_case(c.x, c.weight, c.options)));
  }
  for (const Case& c : large) {
    all.push_back(tolerant(conv2d_case(c.x, c.weight, c.options)));
    all.back().gradcheck = Gradcheck::too_large;
  }
  check_op("conv2d", all);
}

TEST_CASE("conv2d_moments of convolutions in pieces") {
  const Case& small = cases.front();
  auto y_alone = tolerant(conv2d_case(small.x, small.weight, small.options));
  y_alone.op = [&](const auto& v) { return conv2d_moments(v[0], v[1], v[2], small.options).y; };
  std::vector<OpCase> all{y_alone};
  for (const Case& c : large) {
    all.push_back(conv2d_moments_case(c.x, c.weight, c.options));
  }
  check_op("conv2d_moments", all);
}

TEST_CASE("a packed convolution in pieces scales, shifts, adds a residual and rectifies") {
  for (const Case& c : large) {
    const auto x = random_tensor<double>(c.x, 1);
    const auto weight = random_tensor<double>(c.weight, 2);
    const Index outputs = c.weight[0];
    const auto bias = random_tensor<double>({outputs}, 3);
    const auto scale = random_tensor<double>({outputs}, 4);
    const auto shift = random_tensor<double>({outputs}, 5);
    const PackedConvolution<double> packed(x.shape(), weight, bias, scale, shift, c.options);
    auto expected = naive_conv2d({x, weight, bias}, c.options);
    const auto residual = random_tensor<double>(expected.shape(), 6);
    for (Index i = 0; i < expected.size(); ++i) {
      double& value = expected.mutable_data()[i];
      value = value * scale(i % outputs) + shift(i % outputs) + residual.data()[i];
      value = std::max(value, 0.0);
    }
    require_close(packed(x, true, residual), expected, 1e-11);
  }
}

TEST_CASE("kernels that pieces would fill with zeros are direct, and so are those asked for") {
  const auto kernel = [](Size2d taps, Index dilation, Index channels, ConvAlgorithm algorithm) {
    return kernels::forward_kernel<float>({.n = 1,
                                           .h = 30,
                                           .w = 30,
                                           .c = channels,
                                           .o = 64,
                                           .kernel = taps,
                                           .dilation = dilation,
                                           .algorithm = algorithm});
  };
  constexpr auto automatic = ConvAlgorithm::automatic;
  CHECK(kernel(5, 1, 64, automatic) == kernels::ConvKernel::pieces);
  CHECK(kernel(3, 2, 64, automatic) == kernels::ConvKernel::pieces);
  CHECK(kernel(5, 1, 64, ConvAlgorithm::direct) == kernels::ConvKernel::direct);
  CHECK(kernel({1, 7}, 1, 64, automatic) == kernels::ConvKernel::direct);
  CHECK(kernel(5, 1, 3, automatic) == kernels::ConvKernel::direct);
}
