// Convolutions that are put together from pieces: kernels that are larger or not square, strides,
// and dilations.
#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "cnnrnn/kernels/conv2d.hpp"
#include "cnnrnn/ops/packed_convolution.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv2d_reference.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

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
    {{2, 9, 11, 32}, {33, 32, 3, 3}, {.stride = 2, .padding = 1}},
    {{1, 8, 15, 16}, {18, 16, 5, 5}, {.stride = 2, .padding = 2, .relu = true}},
    {{1, 3, 2, 16}, {16, 16, 7, 7}, {.stride = 2, .padding = 3}},
    {{2, 10, 9, 17}, {16, 17, 4, 4}, {.stride = 2, .padding = 1}},
    {{1, 7, 6, 16}, {17, 16, 3, 4}, {.stride = {1, 3}, .padding = {5, 0}}},
    {{1, 13, 11, 16}, {16, 16, 11, 11}, {.stride = 4, .padding = 5}},
    {{1, 6, 9, 33}, {32, 33, 1, 7}, {.padding = {0, 3}, .relu = true}},
    {{1, 25, 22, 32}, {47, 32, 7, 1}, {.padding = {3, 0}}},
    {{1, 1, 2, 32}, {32, 32, 3, 3}, {.stride = 2, .padding = 1}},
    {{1, 5, 5, 18}, {16, 18, 2, 2}, {}},
};

const std::vector<Conv2dCase> differenced{
    {{1, 4, 3, 16}, {16, 16, 3, 2}, {.padding = 1}},
    {{1, 3, 4, 16}, {16, 16, 3, 3}, {.padding = {9, 7}, .dilation = {9, 6}}},
    {{1, 5, 6, 16}, {16, 16, 3, 2}, {.stride = {2, 1}, .padding = 1}},
};

const std::vector<Conv2dCase> large{
    {{2, 29, 28, 16}, {20, 16, 5, 5}, {.padding = 2}},
    {{1, 9, 10, 36}, {16, 36, 5, 5}, {.padding = 2}},
    {{2, 33, 31, 17}, {20, 17, 3, 3}, {.padding = 2, .dilation = 2}},
    {{1, 45, 43, 32}, {47, 32, 3, 3}, {.stride = 2, .padding = 1}},
    {{2, 13, 12, 34}, {36, 17, 5, 5}, {.padding = 2, .groups = 2}},
    {{1, 11, 10, 48}, {48, 16, 3, 3}, {.padding = 2, .dilation = 2, .groups = 3}},
    {{1, 13, 11, 64}, {66, 32, 3, 3}, {.stride = 2, .padding = 1, .groups = 2}},
    {{3, 13, 15, 64}, {64, 32, 1, 7}, {.padding = {0, 3}, .groups = 2}},
};

/// Cases asked to be in pieces: few of them have tiles enough for that to pay.
std::vector<Conv2dCase> in_pieces(std::vector<Conv2dCase> all) {
  for (Conv2dCase& c : all) {
    c.options.algorithm = ConvAlgorithm::winograd;
  }
  return all;
}

/// The tolerance of Winograd's algorithm.
void tolerate(OpCase& c) { c.tolerance = {1e-11, 1e-4}; }

}  // namespace

TEST_CASE("conv2d in pieces") {
  for (const auto* const all : {&cases, &differenced, &large}) {
    for (const Conv2dCase& c : in_pieces(*all)) {
      CHECK(kernels::forward_kernel<float>(dims_of(c)) == kernels::ConvKernel::pieces);
      CHECK(kernels::forward_kernel<double>(dims_of(c)) == kernels::ConvKernel::pieces);
    }
  }
  // 16 channels make many weights: two cases are enough for differences.
  std::vector<Conv2dCase> others = cases;
  others.insert(others.end(), large.begin(), large.end());
  auto all = conv2d_cases(in_pieces(differenced), in_pieces(others));
  std::ranges::for_each(all, tolerate);
  check_op("conv2d", all);
}

TEST_CASE("pieces are for tiles enough to pay for the transforms") {
  const auto kernels_of = [](Index n, Index size, Index c, Index o, Size2d kernel, Index stride,
                             Index dilation) {
    const kernels::Conv2dDims d{.n = n,
                                .h = size,
                                .w = size,
                                .c = c,
                                .o = o,
                                .kernel = kernel,
                                .stride = stride,
                                .padding = {dilation * (kernel.h / 2), dilation * (kernel.w / 2)},
                                .dilation = dilation};
    return std::array{kernels::forward_kernel<float>(d), kernels::backward_input_kernel<float>(d),
                      kernels::backward_weight_kernel<float>(d)};
  };
  const auto all = [](kernels::ConvKernel kernel) { return std::array{kernel, kernel, kernel}; };
  const auto pieces = all(kernels::ConvKernel::pieces);
  CHECK(kernels_of(32, 28, 32, 64, 5, 1, 1) == pieces);
  CHECK(kernels_of(8, 56, 128, 128, 3, 2, 1) == pieces);
  CHECK(kernels_of(8, 28, 256, 256, 3, 1, 2) == pieces);
  CHECK(kernels_of(8, 17, 192, 192, {1, 7}, 1, 1) == pieces);
  // Few tiles, and tiles of which little is an image.
  CHECK(kernels_of(1, 13, 256, 64, 3, 2, 1)[0] == kernels::ConvKernel::direct);
  CHECK(kernels_of(1, 5, 40, 256, 3, 1, 12) == all(kernels::ConvKernel::direct));
}

TEST_CASE("conv2d_moments of convolutions in pieces") {
  auto all = conv2d_moments_cases(in_pieces(differenced).front(), in_pieces({large[0], large[2]}));
  tolerate(all.front());
  check_op("conv2d_moments", all);
}

TEST_CASE("a packed convolution in pieces scales, shifts, adds a residual and rectifies") {
  for (const Conv2dCase& c : in_pieces(large)) {
    check_packed_convolution(c, 1e-11);
  }
}

TEST_CASE("convolutions packed for many images in pieces serve few that would be direct") {
  const Convolution options{.stride = 2, .padding = 1};
  const auto weight = random_tensor<float>({64, 36, 3, 3}, 1);
  const PackedConvolution<float> packed({64, 14, 14, 36}, weight, {}, {}, {}, options);
  kernels::Conv2dDims d{.n = 64, .h = 14, .w = 14, .c = 36, .o = 64, .kernel = 3};
  d.stride = options.stride;
  d.padding = options.padding;
  CHECK(kernels::forward_kernel<float>(d) == kernels::ConvKernel::pieces);
  d.n = 1;
  d.h = 3;
  d.w = 3;
  CHECK(kernels::forward_kernel<float>(d) == kernels::ConvKernel::direct);
  const auto x = random_tensor<float>({1, 3, 3, 36}, 2);
  const auto y = conv2d<float>(Variable<float>(x), Variable<float>(weight), {}, options);
  require_close(packed(x, Activation::none), y.value(), 1e-4);
}

TEST_CASE("results do not depend on how many images a convolution was packed for") {
  const Convolution options{.stride = 2, .padding = 1};
  const auto weight = random_tensor<float>({64, 36, 3, 3}, 1);
  const auto x = random_tensor<float>({2, 14, 14, 36}, 2);
  const PackedConvolution<float> for_many({64, 14, 14, 36}, weight, {}, {}, {}, options);
  const PackedConvolution<float> for_one({1, 14, 14, 36}, weight, {}, {}, {}, options);
  CHECK(same_bytes(for_many(x, Activation::none), for_one(x, Activation::none)));
}

TEST_CASE("many weights in pieces give what the direct kernels do") {
  const auto run = [](Conv2dCase c, ConvAlgorithm algorithm) {
    c.options.algorithm = algorithm;
    const Variable<double> x(random_tensor<double>(c.x, 1), true);
    const Variable<double> weight(random_tensor<double>(c.weight, 2), true);
    const auto y = conv2d(x, weight, {}, c.options);
    y.backward(random_tensor<double>(y.shape(), 3));
    return std::array{y.value(), x.grad(), weight.grad()};
  };
  for (const Conv2dCase& c :
       {Conv2dCase{{4, 27, 26, 112}, {120, 112, 3, 3}, {.stride = 2, .padding = 1}},
        Conv2dCase{{4, 15, 14, 120}, {102, 120, 5, 5}, {.padding = 2}}}) {
    CHECK(kernels::backward_input_kernel<double>(dims_of(c)) == kernels::ConvKernel::pieces);
    CHECK(kernels::backward_weight_kernel<double>(dims_of(c)) == kernels::ConvKernel::pieces);
    const auto direct = run(c, ConvAlgorithm::direct), pieces = run(c, ConvAlgorithm::automatic);
    for (std::size_t i = 0; i < direct.size(); ++i) {
      require_close(pieces[i], direct[i], 1e-11);
    }
  }
}

TEST_CASE("few tiles of many channels in pieces give the bytes of packed weights") {
  const auto x = random_tensor<float>({2, 6, 7, 120}, 1);
  const auto weight = random_tensor<float>({102, 120, 5, 5}, 2);
  const Convolution options{.padding = 2, .algorithm = ConvAlgorithm::winograd};
  const PackedConvolution<float> packed(x.shape(), weight, {}, {}, {}, options);
  const auto expected = packed(x, false);
  const auto y = conv2d(Variable<float>(x), Variable<float>(weight), {}, options).value();
  CHECK(std::equal(y.data(), y.data() + y.size(), expected.data()));
}

TEST_CASE("what pieces do not make cheaper is direct, and so is what is asked for") {
  const auto kernel = [](const Size2d& taps, const Convolution& options, Index channels) {
    return kernels::forward_kernel<float>({.n = 1,
                                           .h = 60,
                                           .w = 60,
                                           .c = channels,
                                           .o = 64,
                                           .kernel = taps,
                                           .stride = options.stride,
                                           .padding = options.padding,
                                           .dilation = options.dilation,
                                           .algorithm = options.algorithm});
  };
  constexpr auto direct = kernels::ConvKernel::direct, pieces = kernels::ConvKernel::pieces;
  CHECK(kernel(5, {}, 64) == pieces);
  CHECK(kernel(3, {.dilation = 2}, 64) == pieces);
  CHECK(kernel(3, {.stride = 2}, 64) == pieces);
  CHECK(kernel({1, 7}, {}, 64) == pieces);
  CHECK(kernel(5, {.algorithm = ConvAlgorithm::direct}, 64) == direct);
  CHECK(kernel(3, {.stride = 2, .algorithm = ConvAlgorithm::direct}, 64) == direct);
  CHECK(kernel(3, {.stride = 3, .padding = 1}, 64) == direct);
  CHECK(kernel(3, {.stride = 2, .dilation = 2}, 64) == direct);
  CHECK(kernel({3, 1}, {.stride = 2}, 64) == direct);
  CHECK(kernel(5, {}, 3) == direct);
}

TEST_CASE("pieces that save no more than half of the products need more channels and tiles") {
  using kernels::ConvKernel;
  kernels::Conv2dDims d{
      .n = 8, .h = 28, .w = 28, .c = 24, .o = 40, .kernel = 3, .stride = 2, .padding = 1};
  CHECK(kernels::forward_kernel<float>(d) == ConvKernel::direct);
  d.c = 32;
  d.o = 64;
  CHECK(kernels::forward_kernel<float>(d) == ConvKernel::pieces);
  CHECK(kernels::backward_input_kernel<float>(d) == ConvKernel::pieces);
  CHECK(kernels::backward_weight_kernel<float>(d) == ConvKernel::pieces);
  d.o = 34;  // of packets of eight, the last is not full enough for the gradients
  CHECK(kernels::forward_kernel<float>(d) == ConvKernel::pieces);
  const bool full = kernels::fill_packets<float>(34);
  CHECK((kernels::backward_input_kernel<float>(d) == ConvKernel::pieces) == full);
  CHECK((kernels::backward_weight_kernel<float>(d) == ConvKernel::pieces) == full);
  d.c = 128;
  d.o = 128;
  d.n = 1;
  CHECK(kernels::forward_kernel<float>(d) == ConvKernel::pieces);
  CHECK(kernels::backward_input_kernel<float>(d) == ConvKernel::columns);
  CHECK(kernels::backward_weight_kernel<float>(d) == ConvKernel::direct);
}
