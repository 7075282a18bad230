// What a convolution does on the side, against the ops that do it one after the other.
#include <vector>

#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  Shape x;
  Shape weight;
  Convolution options;
};

const std::vector<Case> cases{
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{2, 9, 7, 3}, {5, 3, 3, 3}, {.stride = 2, .padding = 1}},
    {{3, 13, 6, 4}, {18, 2, 3, 3}, {.padding = 1, .groups = 2}},
    {{2, 9, 10, 5}, {17, 5, 3, 3}, {.padding = 1, .algorithm = ConvAlgorithm::winograd}},
    {{40, 8, 8, 16}, {16, 16, 3, 3}, {.padding = 1, .algorithm = ConvAlgorithm::winograd}},
};

struct Inputs {
  explicit Inputs(const Case& c)
      : x(random_tensor<double>(c.x, 1), true),
        weight(random_tensor<double>(c.weight, 2), true),
        bias(random_tensor<double>({c.weight[0]}, 3), true) {}
  Variable<double> x, weight, bias;
};

}  // namespace

TEST_CASE("conv2d with a ReLU equals conv2d and relu, values and gradients") {
  for (const Case& c : cases) {
    CAPTURE(to_message(c.x, c.weight));
    const Inputs fused(c);
    const Inputs plain(c);
    Convolution options = c.options;
    options.relu = true;
    const auto y = conv2d(fused.x, fused.weight, fused.bias, options);
    const auto expected = relu(conv2d(plain.x, plain.weight, plain.bias, c.options));
    require_close(y.value(), expected.value(), 1e-13);
    const auto dy = random_tensor<double>(y.shape(), 4);
    y.backward(dy);
    expected.backward(dy);
    require_close(fused.x.grad(), plain.x.grad(), 1e-13);
    require_close(fused.weight.grad(), plain.weight.grad(), 1e-13);
    require_close(fused.bias.grad(), plain.bias.grad(), 1e-13);
  }
}

TEST_CASE("conv2d_moments takes a batch of nothing") {
  for (const auto algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd}) {
    const Inputs in({{0, 8, 8, 16}, {16, 16, 3, 3}, {}});
    const auto y = conv2d_moments(in.x, in.weight, in.bias, {.algorithm = algorithm}).y;
    CHECK(y.shape() == Shape{0, 6, 6, 16});
  }
}
