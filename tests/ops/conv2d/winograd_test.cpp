// Winograd's algorithm against the direct one: the same convolutions, values and gradients.
#include <algorithm>
#include <vector>

#include "cnnrnn/ops/packed_convolution.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv2d_reference.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  Shape x;
  Index outputs;
  Size2d padding;
  Index groups = 1;

  Shape weight() const { return {outputs, x[3] / groups, 3, 3}; }
};

/// Tiles that end inside the image and at its border, fewer outputs than a tile, channels and
/// outputs around the widths of vectors, padding beyond the kernel, several blocks of tiles, many
/// weights for few tiles; groups of a packet, of half a packet and of other parts of one, of as
/// many outputs as inputs and not, in several blocks and in one.
const std::vector<Case> cases{
    {{0, 5, 5, 3}, 4, 1},
    {{1, 1, 1, 1}, 1, 1},
    {{1, 3, 3, 2}, 3, 0},
    {{2, 4, 4, 8}, 8, 1},
    {{1, 5, 6, 3}, 17, 1},
    {{3, 7, 4, 16}, 16, 1},
    {{2, 8, 8, 33}, 5, {0, 1}},
    {{1, 9, 2, 7}, 40, 2},
    {{1, 6, 5, 4}, 9, {3, 4}},
    {{30, 8, 8, 5}, 35, 1},
    {{2, 33, 30, 6}, 15, 1},
    {{1, 12, 13, 20}, 130, 1},
    {{1, 6, 5, 4}, 3, {3, 4}},
    {{2, 5, 3, 9}, 2, 5},
    {{2, 20, 50, 5}, 70, 1},
    {{1, 12, 30, 1}, 35, 1},
    {{1, 9, 90, 1}, 8, 1},
    {{2, 5, 6, 200}, 190, 1},
    {{1, 3, 2, 170}, 211, 1},
    {{2, 9, 10, 40}, 26, 1, 2},
    {{1, 6, 5, 9}, 6, {3, 1}, 3},
    {{5, 13, 16, 96}, 72, 1, 3},
    {{1, 7, 7, 128}, 128, 1, 8},
    {{0, 5, 5, 32}, 32, 1, 2},
    {{3, 14, 9, 34}, 102, {2, 0}, 2},
    {{2, 9, 10, 32}, 32, 1, 4},
};

template <class T>
struct Result {
  Tensor<T> y, dx, dweight, dbias;
};

template <class T>
Result<T> run(const Case& c, ConvAlgorithm algorithm) {
  const Variable<T> x(random_tensor<T>(c.x, 1), true);
  const Variable<T> weight(random_tensor<T>(c.weight(), 2), true);
  const Variable<T> bias(random_tensor<T>({c.outputs}, 3), true);
  const auto y =
      conv2d(x, weight, bias, {.padding = c.padding, .groups = c.groups, .algorithm = algorithm});
  y.backward(random_tensor<T>(y.shape(), 4));
  return {y.value(), x.grad(), weight.grad(), bias.grad()};
}

template <class T>
void compare(double tolerance) {
  for (const Case& c : cases) {
    CAPTURE(to_message(c.x, c.outputs, c.padding, c.groups));
    const auto direct = run<double>(c, ConvAlgorithm::direct);
    const auto winograd = run<T>(c, ConvAlgorithm::winograd);
    require_close(winograd.y, direct.y.template to<T>(), tolerance);
    require_close(winograd.dx, direct.dx.template to<T>(), tolerance);
    require_close(winograd.dweight, direct.dweight.template to<T>(), tolerance);
    require_close(winograd.dbias, direct.dbias.template to<T>(), tolerance);
  }
}

}  // namespace

TEST_CASE("Winograd's convolution equals the direct one in double") { compare<double>(1e-12); }

TEST_CASE("Winograd's convolution is close to the direct one in float") { compare<float>(1e-4); }

TEST_CASE("Winograd's convolution gives the same bytes for any number of threads") {
  const auto same = [](const Tensor<float>& a, const Tensor<float>& b) {
    return std::equal(a.data(), a.data() + a.size(), b.data());
  };
  for (const Case& c : {Case{{40, 13, 9, 16}, 24, 1},
                        {{40, 13, 9, 3}, 24, 1},
                        {{40, 13, 9, 16}, 5, 1},
                        {{40, 13, 9, 32}, 48, 1, 2}}) {
    set_threads(1);
    const auto one = run<float>(c, ConvAlgorithm::winograd);
    for (const int count : {2, 3, 8}) {
      set_threads(count);
      const auto more = run<float>(c, ConvAlgorithm::winograd);
      CHECK(same(one.y, more.y));
      CHECK(same(one.dx, more.dx));
      CHECK(same(one.dweight, more.dweight));
    }
  }
  set_threads(0);
}

TEST_CASE("a packed Winograd convolution in groups scales, shifts, adds a residual and rectifies") {
  check_packed_convolution({{3, 9, 10, 40}, {26, 20, 3, 3}, {.padding = 1, .groups = 2}}, 1e-11);
}

TEST_CASE("groups take Winograd's algorithm if they have enough channels on both sides") {
  const auto kernel = [](Index groups, Index c, Index o,
                         ConvAlgorithm algorithm = ConvAlgorithm::automatic) {
    return kernels::forward_kernel<float>({.n = 1,
                                           .h = 8,
                                           .w = 8,
                                           .c = groups * c,
                                           .o = groups * o,
                                           .kernel = 3,
                                           .padding = 1,
                                           .groups = groups,
                                           .algorithm = algorithm});
  };
  CHECK(kernel(3, 16, 16) == kernels::ConvKernel::winograd);
  CHECK(kernel(3, 8, 16) == kernels::ConvKernel::winograd);
  CHECK(kernel(4, 8, 8) == kernels::ConvKernel::winograd);
  CHECK(kernel(3, 7, 16) == kernels::ConvKernel::direct);
  CHECK(kernel(3, 16, 7) == kernels::ConvKernel::direct);
  CHECK(kernel(3, 16, 16, ConvAlgorithm::direct) == kernels::ConvKernel::direct);
  CHECK(kernel(3, 2, 2, ConvAlgorithm::winograd) == kernels::ConvKernel::winograd);
}

TEST_CASE("few tiles of many channels give the bytes of packed weights, and their moments") {
  const auto x = random_tensor<float>({2, 6, 7, 200}, 1);
  const auto weight = random_tensor<float>({190, 200, 3, 3}, 2);
  const auto bias = random_tensor<float>({190}, 3);
  const Convolution options{.padding = 1};
  const PackedConvolution<float> packed(x.shape(), weight, bias, {}, {}, options);
  const auto expected = packed(x, false);
  const auto result =
      conv2d_moments(Variable<float>(x), Variable<float>(weight), Variable<float>(bias), options);
  const auto& y = result.y.value();
  CHECK(std::equal(y.data(), y.data() + y.size(), expected.data()));
  const Index pixels = y.size() / 190;
  for (Index c = 0; c < 190; ++c) {
    double sum = 0;
    for (Index pixel = 0; pixel < pixels; ++pixel) {
      sum += y.data()[pixel * 190 + c];
    }
    CHECK(result.mean(c) == Approx(sum / static_cast<double>(pixels)).margin(1e-4));
  }
}

TEST_CASE(
    "few pixels of many channels have a direct weight gradient, unless Winograd's is asked for") {
  kernels::Conv2dDims d{.n = 1, .h = 4, .w = 4, .c = 512, .o = 512, .kernel = 3, .padding = 1};
  CHECK(kernels::backward_weight_kernel<float>(d) == kernels::ConvKernel::direct);
  d.algorithm = ConvAlgorithm::winograd;
  CHECK(kernels::backward_weight_kernel<float>(d) == kernels::ConvKernel::winograd);
  d = {.n = 8, .h = 14, .w = 14, .c = 512, .o = 512, .kernel = 3, .padding = 1};
  CHECK(kernels::backward_weight_kernel<float>(d) == kernels::ConvKernel::winograd);
}
