// 1x1 convolutions, which are products of matrices.
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
};

const std::vector<Conv2dCase> large{
    {{3, 30, 31, 40}, {70, 40, 1, 1}, {}},
    {{3, 61, 59, 40}, {70, 40, 1, 1}, {.stride = 2}},
};

}  // namespace

TEST_CASE("conv2d 1x1") { check_op("conv2d", conv2d_cases(cases, large)); }

TEST_CASE("conv2d_moments of 1x1 convolutions") {
  check_op("conv2d_moments", conv2d_moments_cases(cases[1], large));
}

TEST_CASE("a packed 1x1 convolution scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : large) {
    check_packed_convolution(c, 1e-11);
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
