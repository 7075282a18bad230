// Convolutions by the direct kernels: at a stride, in groups of many channels, not square, dilated.
#include <array>
#include <limits>
#include <tuple>
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "support/catch.hpp"
#include "support/conv2d_reference.hpp"

using namespace cnnrnn;

namespace {

constexpr auto direct = ConvAlgorithm::direct;

/// Strides that do not divide, tails in every dimension, padding beyond the image, one channel.
const std::vector<Conv2dCase> cases{
    {{1, 5, 6, 3}, {5, 3, 3, 3}, {.stride = 2, .padding = 1}},
    {{2, 7, 5, 2}, {3, 2, 4, 2}, {.stride = {3, 2}, .padding = {3, 1}}},
    {{1, 4, 9, 3}, {2, 3, 1, 7}, {.padding = {0, 3}}},
    {{1, 9, 3, 2}, {3, 2, 7, 1}, {.stride = {2, 1}, .padding = {3, 0}, .dilation = {1, 2}}},
    {{1, 5, 5, 1}, {3, 1, 5, 5}, {.stride = 2, .padding = 4}},
    {{1, 3, 4, 36}, {38, 18, 2, 1}, {.groups = 2, .algorithm = direct}},
    {{1, 6, 5, 4}, {5, 4, 3, 3}, {.stride = 2, .padding = 1}},
    {{1, 7, 5, 2}, {5, 2, 4, 2}, {.stride = {3, 2}, .padding = {3, 1}}},
};

/// So few channels and outputs that pixels of two or four parts of a band share a packet: parts of
/// unequal size, some without a pixel, several bands of more than a tile, of one row.
const std::vector<Conv2dCase> narrow{
    {{2, 9, 8, 1}, {4, 1, 5, 5}, {}},
    {{1, 9, 8, 1}, {1, 1, 5, 5}, {.padding = 2}},
    {{1, 5, 19, 3}, {2, 3, 1, 5}, {.padding = {0, 2}}},
    {{1, 30, 40, 3}, {4, 3, 7, 7}, {.stride = 2, .padding = 3}},
    {{2, 33, 31, 2}, {3, 2, 3, 5}, {.dilation = {2, 3}}},
    {{1, 1, 1100, 1}, {4, 1, 1, 5}, {}},
};

/// So many taps outside of the image that the result is made zone by zone: some pixels read one
/// tap, or none, rows are cut at a block, and strides and kernels differ by axis.
const std::vector<Conv2dCase> zoned{
    {{2, 7, 9, 16}, {18, 16, 3, 3}, {.padding = 6, .dilation = 6, .algorithm = direct}},
    {{1, 5, 6, 17}, {5, 17, 3, 3}, {.padding = {9, 2}, .dilation = {4, 2}, .algorithm = direct}},
    {{1, 9, 5, 20}, {33, 20, 5, 7}, {.stride = {2, 1}, .padding = {2, 3}, .algorithm = direct}},
    {{1, 40, 37, 16}, {16, 16, 3, 3}, {.padding = 24, .dilation = 24, .algorithm = direct}},
};

/// Weights that leave the first cache, several blocks of pixels and of columns, parts to be added
/// up, several groups; images of one pixel and lines longer than a block.
const std::vector<Conv2dCase> large{
    {{2, 21, 23, 40}, {70, 40, 3, 3}, {.stride = 2, .padding = 1, .algorithm = direct}},
    {{3, 9, 11, 60}, {33, 60, 1, 7}, {.padding = {0, 3}, .algorithm = direct}},
    {{5, 13, 16, 96}, {72, 32, 3, 1}, {.padding = {1, 0}, .groups = 3, .algorithm = direct}},
    {{2, 11, 14, 40},
     {52, 20, 3, 3},
     {.stride = 2, .padding = 1, .groups = 2, .algorithm = direct}},
    {{1, 12, 13, 34},
     {36, 17, 5, 4},
     {.stride = {3, 2}, .padding = {1, 4}, .dilation = {2, 3}, .groups = 2}},
    {{2, 5, 6, 32}, {32, 16, 1, 2}, {.stride = {2, 3}, .padding = {0, 1}, .groups = 2}},
    {{1, 1, 800, 48},
     {32, 24, 1, 3},
     {.stride = 2, .padding = {0, 1}, .groups = 2, .algorithm = direct}},
    {{2, 9, 8, 68},
     {44, 34, 3, 2},
     {.stride = {1, 2}, .padding = 2, .dilation = {2, 3}, .groups = 2}},
    {{3, 3, 3, 130}, {140, 130, 3, 3}, {.stride = 2, .algorithm = direct}},
    {{1, 2, 1500, 21}, {50, 21, 2, 9}, {.stride = {1, 2}, .padding = {0, 4}, .algorithm = direct}},
    {{1, 40, 37, 3}, {20, 3, 7, 7}, {.stride = 2, .padding = 3}},
    {{2, 1, 1300, 2}, {20, 2, 1, 9}, {.stride = {1, 2}, .padding = {0, 5}}},
};

}  // namespace

TEST_CASE("conv2d by the direct kernels") {
  for (const auto* const all : {&cases, &narrow, &zoned, &large}) {
    for (const Conv2dCase& c : *all) {
      CHECK(kernels::forward_kernel<double>(dims_of(c)) == kernels::ConvKernel::direct);
    }
  }
  auto all = conv2d_cases(cases, large);
  for (const auto* const more : {&narrow, &zoned}) {
    const auto others = conv2d_cases({}, *more);
    all.insert(all.end(), others.begin(), others.end());
  }
  check_op("conv2d", all);
}

TEST_CASE("a packed direct convolution scales, shifts, adds a residual and rectifies") {
  for (const auto* const all : {&narrow, &zoned, &large}) {
    for (const Conv2dCase& c : *all) {
      check_packed_convolution(c, 1e-11);
    }
  }
}

TEST_CASE("no images give the weights of a direct convolution zeros") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Index groups : {1, 2}) {
    const Variable<float> weight(Tensor<float>::ones({64, 64 / groups, 5, 5}), true);
    const Variable<float> x(Tensor<float>({0, 9, 9, 64}));
    const auto y = conv2d(x, weight, {}, {.stride = 2, .groups = groups, .algorithm = direct});
    std::ignore = std::array{Tensor<float>::full(weight.shape(), nan),
                             Tensor<float>::full(weight.shape(), nan)};  // leaves its memory so
    y.backward(Tensor<float>(y.shape()));
    require_close(weight.grad(), Tensor<float>::zeros(weight.shape()), 0);
  }
}
