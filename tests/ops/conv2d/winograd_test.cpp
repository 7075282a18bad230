// Winograd's algorithm against the direct one: the same convolutions, values and gradients.
#include <algorithm>
#include <utility>
#include <vector>

#include "cnnrnn/ops/packed_convolution.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  Shape x;
  Index outputs;
  Size2d padding;
};

/// Tiles that end inside the image and at its border, fewer outputs than a tile, channels and
/// outputs around the widths of vectors, padding beyond the kernel, several blocks of tiles, many
/// weights for few tiles.
const std::vector<Case> cases{
    {{0, 5, 5, 3}, 4, 1},       {{1, 1, 1, 1}, 1, 1},    {{1, 3, 3, 2}, 3, 0},
    {{2, 4, 4, 8}, 8, 1},       {{1, 5, 6, 3}, 17, 1},   {{3, 7, 4, 16}, 16, 1},
    {{2, 8, 8, 33}, 5, {0, 1}}, {{1, 9, 2, 7}, 40, 2},   {{1, 6, 5, 4}, 9, {3, 4}},
    {{30, 8, 8, 5}, 35, 1},     {{2, 33, 30, 6}, 15, 1}, {{1, 12, 13, 20}, 130, 1},
    {{1, 6, 5, 4}, 3, {3, 4}},  {{2, 5, 3, 9}, 2, 5},    {{2, 20, 50, 5}, 70, 1},
    {{1, 12, 30, 1}, 35, 1},    {{1, 9, 90, 1}, 8, 1},   {{2, 5, 6, 200}, 190, 1},
    {{1, 3, 2, 170}, 211, 1},
};

template <class T>
struct Result {
  Tensor<T> y, dx, dweight, dbias;
};

template <class T>
Result<T> run(const Case& c, ConvAlgorithm algorithm) {
  const Variable<T> x(random_tensor<T>(c.x, 1), true);
  const Variable<T> weight(random_tensor<T>({c.outputs, c.x[3], 3, 3}, 2), true);
  const Variable<T> bias(random_tensor<T>({c.outputs}, 3), true);
  const auto y = conv2d(x, weight, bias, {.padding = c.padding, .algorithm = algorithm});
  y.backward(random_tensor<T>(y.shape(), 4));
  return {y.value(), x.grad(), weight.grad(), bias.grad()};
}

template <class T>
void compare(double tolerance) {
  for (const Case& c : cases) {
    CAPTURE(to_message(c.x, c.outputs, c.padding));
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
  for (const auto& [channels, outputs] : {std::pair<Index, Index>{16, 24}, {3, 24}, {16, 5}}) {
    const Case c{{40, 13, 9, channels}, outputs, 1};
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
