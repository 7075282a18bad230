// Depthwise and grouped convolutions, whose groups are narrower than a packet.
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "support/catch.hpp"
#include "support/conv2d_reference.hpp"

using namespace cnnrnn;

namespace {

/// Depthwise: tails of packets and of pixels, strides that do not divide, padding beyond the
/// kernel, images smaller than it, kernels of one row; then channel multipliers, groups that do and
/// do not divide a packet, and groups that differ in inputs and outputs.
const std::vector<Conv2dCase> cases{
    {{2, 7, 6, 4}, {4, 1, 3, 3}, {.padding = 1, .groups = 4}},
    {{1, 9, 19, 37}, {37, 1, 3, 3}, {.padding = 1, .groups = 37}},
    {{2, 7, 9, 19}, {19, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 19}},
    {{1, 11, 10, 5}, {5, 1, 5, 5}, {.stride = {3, 2}, .padding = 2, .groups = 5}},
    {{1, 8, 9, 3}, {3, 1, 2, 4}, {.stride = 3, .padding = {0, 2}, .dilation = {3, 2}, .groups = 3}},
    {{1, 2, 3, 18}, {18, 1, 7, 7}, {.padding = 3, .groups = 18}},
    {{1, 3, 2, 2}, {2, 1, 2, 2}, {.padding = 4, .groups = 2}},
    {{1, 1, 9, 6}, {6, 1, 1, 7}, {.padding = {0, 3}, .groups = 6}},
    {{2, 17, 1, 5}, {5, 1, 3, 1}, {.stride = 2, .padding = {1, 0}, .groups = 5}},
    {{1, 3, 2, 5}, {5, 1, 2, 2}, {.stride = {1, 2}, .padding = {1, 4}, .dilation = 2, .groups = 5}},
    {{1, 4, 4, 3}, {3, 1, 1, 1}, {.stride = 2, .groups = 3}},
    {{2, 5, 6, 3}, {6, 1, 3, 3}, {.padding = 1, .groups = 3}},
    {{1, 7, 6, 5}, {15, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 5}},
    {{1, 5, 7, 12}, {12, 2, 3, 3}, {.padding = 1, .groups = 6}},
    {{2, 6, 5, 24}, {24, 3, 3, 3}, {.padding = 1, .groups = 8}},
    {{1, 6, 9, 40}, {40, 4, 3, 3}, {.stride = 2, .padding = 1, .groups = 10}},
    {{1, 5, 4, 24}, {12, 4, 3, 2}, {.padding = 1, .dilation = 2, .groups = 6}},
    {{1, 4, 5, 8}, {16, 2, 3, 3}, {.padding = 1, .groups = 4, .relu = true}},
    {{1, 5, 5, 35}, {35, 5, 3, 3}, {.padding = 1, .groups = 7}},
    {{1, 5, 5, 48}, {32, 12, 2, 3}, {.padding = 1, .groups = 4}},
};

/// Many rows, or parts of a long one, which are several blocks of each pass.
const std::vector<Conv2dCase> large{
    {{3, 40, 33, 36}, {36, 1, 3, 3}, {.padding = 1, .groups = 36}},
    {{3, 41, 34, 24}, {24, 4, 3, 3}, {.stride = 2, .padding = 1, .groups = 6}},
    {{2, 1, 901, 83}, {83, 1, 1, 5}, {.stride = {1, 2}, .padding = {0, 3}, .groups = 83}},
    {{2, 701, 1, 100}, {100, 1, 3, 1}, {.padding = {1, 0}, .groups = 100}},
};

/// Many channels to one output or two, and back: tails of packets of channels and of pixels, images
/// of one row and of one column; strides.
const std::vector<Conv2dCase> to_few{
    {{2, 9, 11, 16}, {1, 16, 3, 3}, {.padding = 1}},
    {{1, 6, 21, 37}, {2, 37, 5, 3}, {.padding = {2, 0}}},
    {{2, 8, 9, 10}, {1, 10, 4, 4}, {.stride = {1, 2}, .padding = 2, .dilation = {2, 1}}},
    {{1, 1, 70, 7}, {1, 7, 1, 5}, {.padding = {0, 4}}},
    {{1, 40, 1, 6}, {2, 6, 3, 1}, {.padding = {1, 0}, .relu = true}},
    {{2, 8, 9, 1}, {10, 1, 5, 5}, {.padding = 2}},
    {{1, 7, 20, 2}, {19, 2, 3, 3}, {.padding = {0, 3}}},
    {{1, 6, 5, 2}, {12, 2, 2, 4}, {.padding = 3, .dilation = {1, 2}}},
};

/// The same in several blocks.
const std::vector<Conv2dCase> large_to_few{
    {{3, 40, 33, 36}, {2, 36, 3, 3}, {.padding = 1}},
    {{2, 1, 901, 83}, {1, 83, 1, 5}, {.padding = {0, 3}}},
    {{2, 41, 50, 1}, {24, 1, 5, 5}, {.padding = 2}},
};

}  // namespace

TEST_CASE("conv2d of many channels to few outputs") {
  for (const Conv2dCase& c : large_to_few) {
    const kernels::Conv2dDims d{.n = c.x[0],
                                .h = c.x[1],
                                .w = c.x[2],
                                .c = c.x[3],
                                .o = c.weight[0],
                                .kernel = {c.weight[2], c.weight[3]},
                                .padding = c.options.padding};
    if constexpr (kernels::Packet<double>::width >= 4) {
      const auto kernel = d.o < d.c ? kernels::forward_kernel<double>(d)
                                    : kernels::backward_input_kernel<double>(d);
      CHECK(kernel == kernels::ConvKernel::few_outputs);
    }
  }
  check_op("conv2d", conv2d_cases(to_few, large_to_few));
  check_op("conv2d_moments", conv2d_moments_cases(to_few.front(), large_to_few));
}

TEST_CASE("a packed convolution to few outputs scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : large_to_few) {
    check_packed_convolution(c, 1e-12);
  }
}

TEST_CASE("conv2d, depthwise and in narrow groups") {
  check_op("conv2d", conv2d_cases(cases, large));
}

TEST_CASE("conv2d_moments of depthwise convolutions") {
  check_op("conv2d_moments", conv2d_moments_cases(cases.front(), large));
}

TEST_CASE("a packed depthwise convolution scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : large) {
    check_packed_convolution(c, 1e-12);
  }
}

TEST_CASE("groups that fill packets take the depthwise kernel in both directions") {
  const auto dims = [](Index c, Index o, Index groups) {
    return kernels::Conv2dDims{
        .n = 1, .h = 8, .w = 8, .c = c, .o = o, .kernel = 3, .padding = 1, .groups = groups};
  };
  constexpr Index width = kernels::Packet<float>::width;
  const auto both = [&](const kernels::Conv2dDims& d, kernels::ConvKernel kernel) {
    CHECK(kernels::forward_kernel<float>(d) == kernel);
    CHECK(kernels::backward_input_kernel<float>(d) == kernel);
  };
  both(dims(64, 64, 64), kernels::ConvKernel::depthwise);
  both(dims(8 * width, 8 * width, 8),
       width < 8 ? kernels::ConvKernel::direct : kernels::ConvKernel::winograd);
  if constexpr (width >= 2) {
    both(dims(7 * width / 2, 7 * width / 2, 7), kernels::ConvKernel::depthwise);
    both(dims(8, 4 * width, 8), kernels::ConvKernel::depthwise);
  }
}
