// Convolutions whose windows do not overlap, such as 1x1 ones: products of matrices.
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "support/catch.hpp"
#include "support/conv2d_reference.hpp"

using namespace cnnrnn;

namespace {

/// A pixel alone, tails in every dimension, strides that do not divide and that pass over the end.
const std::vector<Conv2dCase> cases{
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{2, 5, 3, 7}, {9, 7, 1, 1}, {}},
    {{1, 3, 5, 33}, {19, 33, 1, 1}, {.relu = true}},
    {{2, 5, 6, 3}, {5, 3, 1, 1}, {.stride = 2}},
    {{1, 7, 8, 4}, {6, 4, 1, 1}, {.stride = {3, 5}}},
    {{2, 4, 3, 5}, {3, 5, 1, 1}, {.dilation = 3}},
    {{2, 4, 6, 3}, {5, 3, 2, 2}, {.stride = 2}},
    {{1, 5, 7, 3}, {9, 3, 2, 2}, {.stride = 2, .relu = true}},
    {{1, 7, 8, 2}, {3, 2, 2, 3}, {.stride = {3, 4}}},
    {{2, 1, 6, 5}, {4, 5, 1, 3}, {.stride = {1, 3}}},
};

const std::vector<Conv2dCase> large{
    {{3, 30, 31, 40}, {70, 40, 1, 1}, {}},
    {{3, 61, 59, 40}, {70, 40, 1, 1}, {.stride = 2}},
    {{3, 62, 59, 20}, {35, 20, 2, 2}, {.stride = 2}},
    {{2, 5, 7, 370}, {362, 370, 1, 1}, {.stride = 2}},
    {{1, 7, 6, 95}, {362, 95, 2, 2}, {.stride = 2}},
};

}  // namespace

TEST_CASE("conv2d by products") { check_op("conv2d", conv2d_cases(cases, large)); }

TEST_CASE("conv2d_moments by products") {
  check_op("conv2d_moments", conv2d_moments_cases(cases[1], large));
}

TEST_CASE("a packed product scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : large) {
    check_packed_convolution(c, 1e-11);
  }
}

TEST_CASE("convolutions whose windows do not overlap are products, and direct with few weights") {
  const auto kernel = [](Index padding, Index groups, Size2d size = 1, Size2d stride = 1,
                         Size2d dilation = 1) {
    return kernels::forward_kernel<float>({.n = 1,
                                           .h = 64,
                                           .w = 64,
                                           .c = 128,
                                           .o = 128,
                                           .kernel = size,
                                           .stride = stride,
                                           .padding = padding,
                                           .dilation = dilation,
                                           .groups = groups});
  };
  CHECK(kernel(0, 1) == kernels::ConvKernel::product);
  CHECK(kernel(1, 1) == kernels::ConvKernel::direct);
  CHECK(kernel(0, 2) == kernels::ConvKernel::direct);
  CHECK(kernel(0, 1, 4, 4) == kernels::ConvKernel::product);
  CHECK(kernel(0, 1, {2, 2}, {4, 2}) == kernels::ConvKernel::direct);
  CHECK(kernel(0, 1, {6, 2}, {7, 2}) == kernels::ConvKernel::product);
  CHECK(kernel(0, 1, {2, 3}, 2) == kernels::ConvKernel::pieces);
  CHECK(kernel(0, 1, {3, 2}, 2) == kernels::ConvKernel::pieces);
  CHECK(kernel(0, 1, 2, 2, {1, 2}) == kernels::ConvKernel::direct);
  CHECK(kernel(0, 1, {2, 1}, 2, {1, 2}) == kernels::ConvKernel::direct);
}
