// Convolutions that are put together from 3x3 ones: larger kernels, and dilated ones.
#include <algorithm>
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "support/catch.hpp"
#include "support/conv2d_reference.hpp"

using namespace cnnrnn;

namespace {

/// Pieces that are cut by the end of the kernel or not, images smaller than the kernel, paddings
/// that are not the usual ones, dilations that divide the image or not, that are larger than it,
/// and that leave images of the batch without a row.
const std::vector<Conv2dCase> cases{
    {{2, 7, 6, 17}, {19, 17, 5, 5}, {.padding = 2}},
    {{1, 4, 9, 16}, {16, 16, 5, 6}, {.padding = {2, 0}}},
    {{1, 3, 5, 16}, {18, 16, 7, 7}, {.padding = {4, 3}, .relu = true}},
    {{2, 9, 8, 17}, {19, 17, 3, 3}, {.padding = 2, .dilation = 2}},
    {{1, 7, 10, 16}, {16, 16, 3, 3}, {.padding = {0, 3}, .dilation = {3, 2}, .relu = true}},
    {{1, 5, 5, 16}, {17, 16, 3, 3}, {.padding = 4, .dilation = 4}},
    {{1, 11, 10, 16}, {16, 16, 5, 5}, {.padding = 1, .dilation = 2}},
    {{1, 9, 9, 17}, {16, 17, 3, 3}, {.padding = {7, 2}, .dilation = 3}},
};

const std::vector<Conv2dCase> differenced{
    {{1, 4, 3, 16}, {16, 16, 3, 2}, {.padding = 1}},
    {{1, 3, 4, 16}, {16, 16, 3, 3}, {.padding = {9, 7}, .dilation = {9, 6}}},
};

const std::vector<Conv2dCase> large{
    {{3, 29, 28, 16}, {40, 16, 5, 5}, {.padding = 2}},
    {{3, 33, 31, 24}, {33, 24, 3, 3}, {.padding = 2, .dilation = 2}},
    {{2, 13, 12, 34}, {36, 17, 5, 5}, {.padding = 2, .groups = 2}},
    {{1, 11, 10, 48}, {48, 16, 3, 3}, {.padding = 2, .dilation = 2, .groups = 3}},
};

/// The tolerance of Winograd's algorithm.
void tolerate(OpCase& c) { c.tolerance = {1e-11, 1e-4}; }

}  // namespace

TEST_CASE("conv2d in pieces") {
  // 16 channels make many weights: two cases are enough for differences.
  std::vector<Conv2dCase> others = cases;
  others.insert(others.end(), large.begin(), large.end());
  auto all = conv2d_cases(differenced, others);
  std::ranges::for_each(all, tolerate);
  check_op("conv2d", all);
}

TEST_CASE("conv2d_moments of convolutions in pieces") {
  auto all = conv2d_moments_cases(differenced.front(), large);
  tolerate(all.front());
  check_op("conv2d_moments", all);
}

TEST_CASE("a packed convolution in pieces scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : large) {
    check_packed_convolution(c, 1e-11);
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
