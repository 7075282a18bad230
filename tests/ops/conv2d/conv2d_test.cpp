#include "cnnrnn/ops/conv2d.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "cnnrnn/nn/conv2d.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv2d_reference.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// Odd sizes on purpose: rims of every tile, strides that do not divide, padding beyond the kernel.
const std::vector<Conv2dCase> cases{
    {{2, 7, 6, 4}, {8, 4, 3, 3}, {.padding = 1}},
    {{2, 7, 6, 4}, {8, 4, 3, 3}, {.padding = 1, .algorithm = ConvAlgorithm::direct}},
    {{1, 5, 5, 3}, {1, 3, 3, 3}, {}},
    {{1, 5, 5, 3}, {1, 3, 3, 3}, {.algorithm = ConvAlgorithm::direct}},
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{3, 8, 5, 5}, {7, 5, 3, 3}, {.stride = 2, .padding = 1}},
    {{2, 9, 7, 2}, {3, 2, 2, 3}, {.stride = {2, 3}, .padding = {0, 1}, .dilation = {2, 1}}},
    {{2, 7, 6, 4}, {6, 2, 3, 3}, {.padding = 1, .dilation = 2, .groups = 2}},
    {{1, 6, 6, 4}, {4, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 4}},
    {{2, 4, 4, 3}, {5, 3, 1, 1}, {.stride = 2}},
    {{1, 4, 4, 2}, {2, 2, 2, 2}, {.padding = 4}},
    {{1, 5, 40, 2}, {35, 2, 5, 5}, {.padding = 2}},
    {{2, 5, 4, 3}, {4, 3, 3, 3}, {.padding = 1, .algorithm = ConvAlgorithm::winograd}},
    {{1, 3, 7, 2}, {9, 2, 3, 3}, {.algorithm = ConvAlgorithm::winograd}},
    {{2, 5, 4, 3}, {4, 3, 3, 3}, {.padding = 1, .relu = true}},
};

OpCase conv2d_case(const Fixture& fixture, const std::string& name) {
  const auto option = [&](const std::string& key) {
    const auto sizes = fixture.get<Index>(name + "/" + key);
    return Size2d{sizes(0), sizes(1)};
  };
  const Convolution options{option("stride"), option("padding"), option("dilation"),
                            fixture.get<Index>(name + "/groups")(0)};
  return pytorch_case(fixture, name, {"x", "weight", "bias"},
                      [=](const auto& v) { return conv2d(v[0], v[1], v[2], options); });
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

BadCall wrong_options(const Convolution& options, const std::string& message) {
  return throws<ValueError>(
      [=] {
        conv2d(ones({1, 4, 4, 3}), ones({2, 3, 3, 3}), {}, options);
      },
      message);
}

BadCall wrong_shapes(const Shape& x, const Shape& weight, const std::string& message,
                     const Variable<float>& bias = {}, const Convolution& options = {}) {
  return throws<ShapeError>([=] { conv2d(ones(x), ones(weight), bias, options); }, message);
}

BadCall no_winograd(const Shape& weight, Convolution options, const std::string& got) {
  options.algorithm = ConvAlgorithm::winograd;
  return throws<ValueError>(
      [=] {
        conv2d(ones({1, 8, 8, 4}), ones(weight), {}, options);
      },
      "conv2d: expected a 3x3 kernel at stride 1 without dilation for Winograd's algorithm, got a "
      "weight " +
          got);
}

}  // namespace

TEST_CASE("conv2d") {
  std::vector<OpCase> all;
  for (const Conv2dCase& c : cases) {
    all.push_back(conv2d_case(c.x, c.weight, c.options));
  }
  for (const std::string name : {"plain", "stride", "dilated", "grouped", "uneven"}) {
    all.push_back(conv2d_case(Fixture("conv2d"), name));
  }
  check_op(
      "conv2d", all,
      {wrong_shapes({1, 4, 4, 3}, {2, 4, 3, 3},
                    "conv2d: expected input channels 4, got (1, 4, 4, 3)"),
       wrong_shapes({4, 4}, {2, 4, 3, 3}, "conv2d: expected x (N, H, W, C), got (4, 4)"),
       wrong_shapes({1, 4, 4, 3}, {2, 3, 3},
                    "conv2d: expected a weight (O, C / groups, KH, KW), got (2, 3, 3)"),
       wrong_shapes({1, 4, 4, 3}, {2, 3, 5, 5},
                    "conv2d: expected an image of at least 5x5 with its padding 0x0, got (1, 4, 4, "
                    "3)"),
       wrong_shapes({1, 4, 4, 3}, {2, 3, 3, 3}, "conv2d: expected a bias of shape (2,), got (3,)",
                    ones({3})),
       wrong_shapes({1, 4, 4, 3}, {2, 1, 3, 3},
                    "conv2d: expected output channels divisible by 3 groups, got (2, 1, 3, 3)", {},
                    {.groups = 3}),
       wrong_options({.stride = 0}, "conv2d: expected a positive stride, got 0x0"),
       wrong_options({.padding = -1}, "conv2d: expected a padding of 0 or more, got -1x-1"),
       wrong_options({.dilation = 0}, "conv2d: expected a positive dilation, got 0x0"),
       wrong_options({.groups = 0}, "conv2d: expected a positive number of groups, got 0"),
       no_winograd({4, 4, 1, 1}, {}, "(4, 4, 1, 1), stride 1x1, dilation 1x1"),
       no_winograd({4, 4, 3, 3}, {.stride = 2}, "(4, 4, 3, 3), stride 2x2, dilation 1x1"),
       no_winograd({4, 4, 3, 3}, {.dilation = 2}, "(4, 4, 3, 3), stride 1x1, dilation 2x2")});
}

TEST_CASE("conv2d_moments") {
  auto y_alone = conv2d_case({2, 5, 4, 3}, {4, 3, 3, 3}, {.padding = 1});
  y_alone.op = [](const auto& v) { return conv2d_moments(v[0], v[1], v[2], {.padding = 1}).y; };
  check_op("conv2d_moments",
           {y_alone, conv2d_moments_case({1, 1, 1, 1}, {1, 1, 1, 1}, {}),
            conv2d_moments_case({2, 9, 7, 3}, {5, 3, 3, 3}, {.stride = 2, .padding = 1}),
            conv2d_moments_case({3, 13, 6, 4}, {18, 2, 3, 3}, {.padding = 1, .groups = 2}),
            conv2d_moments_case({2, 9, 10, 5}, {17, 5, 3, 3},
                                {.padding = 1, .algorithm = ConvAlgorithm::winograd}),
            conv2d_moments_case({43, 8, 8, 16}, {16, 16, 3, 3},
                                {.padding = 1, .algorithm = ConvAlgorithm::winograd})},
           {throws<ShapeError>(
               [] {
                 conv2d_moments(ones({1, 4, 4, 3}), ones({2, 4, 3, 3}));
               },
               "conv2d: expected input channels 4, got (1, 4, 4, 3)")});
}

TEST_CASE("conv2d gives the same bytes for any number of threads") {
  std::vector<Tensor<float>> gradients;
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    const Variable<float> x(random_tensor<float>({9, 16, 16, 5}, 1), true);
    const Variable<float> weight(random_tensor<float>({7, 5, 3, 3}, 2), true);
    const auto y = conv2d(x, weight, {}, {.padding = 1});
    y.backward(random_tensor<float>(y.shape(), 3));
    gradients.push_back(weight.grad());
  }
  set_threads(0);
  for (const auto& gradient : gradients) {
    CHECK(std::equal(gradient.data(), gradient.data() + gradient.size(), gradients[0].data()));
  }
}

TEST_CASE("Conv2d") {
  const nn::Conv2dOptions options{.kernel = {3, 2}, .stride = 2, .padding = 1, .groups = 2};
  const auto make = [=]<class T>(T, Random& random) {
    return nn::Conv2d<T>(4, 6, options, random);
  };
  Random random(1);
  const auto bad = [&](Index in, const nn::Conv2dOptions& wrong, const std::string& message) {
    return throws<ValueError>([=, &random] { nn::Conv2d<float>(in, 6, wrong, random); }, message);
  };
  check_op(
      "Conv2d",
      {{"groups and a stride", layer_inputs(make, random_tensor<double>({2, 5, 6, 4}, 1)),
        layer_op(make),
        [](const Tensors<double>& in) {
          return naive_conv2d(in, {.stride = 2, .padding = 1, .groups = 2});
        }}},
      {bad(3, {.groups = 2},
           "Conv2d: expected positive channels divisible by 2 groups, got 3 and 6"),
       bad(3, {.kernel = 0}, "Conv2d: expected a positive kernel, got 0x0"),
       bad(3, {.stride = 2, .algorithm = ConvAlgorithm::winograd},
           "Conv2d: expected a 3x3 kernel at stride 1 without dilation for Winograd's algorithm, "
           "got Conv2d(3, 6, kernel 3x3, stride 2x2, padding 0x0, dilation 1x1, groups "
           "1)")});
}

TEST_CASE("Conv2d owns a weight and a bias of PyTorch's shapes") {
  Random random(1);
  nn::Conv2d<float> layer(4, 6, {.kernel = {3, 2}, .groups = 2}, random);
  const auto parameters = layer.named_parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].first == "weight");
  CHECK(parameters[0].second.shape() == Shape{6, 2, 3, 2});
  CHECK(parameters[1].second.shape() == Shape{6});
  CHECK(layer(Variable<float>(Tensor<float>::ones({1, 5, 5, 4}))).shape() == Shape{1, 3, 4, 6});
}
