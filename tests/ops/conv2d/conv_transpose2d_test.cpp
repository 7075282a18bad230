#include "cnnrnn/ops/conv_transpose2d.hpp"

#include <string>
#include <vector>

#include "cnnrnn/nn/conv_transpose2d.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/conv_transpose_reference.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  Shape x;
  Shape weight;
  TransposedConvolution options;
};

/// A batch of one, odd sizes and channels, strides that leave gaps, and each kernel of
/// convolutions.
const std::vector<Case> small_cases{
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {{1, 3, 4, 3}, {3, 5, 2, 2}, {.stride = 2}},
    {{2, 2, 3, 5}, {5, 3, 2, 3}, {.stride = 3}},
    {{1, 3, 2, 3}, {3, 9, 2, 2}, {.stride = 2, .output_padding = 1, .relu = true}},
    {{2, 3, 4, 4}, {4, 3, 4, 4}, {.stride = 2, .padding = 1}},
    {{2, 4, 3, 5}, {5, 2, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1, .relu = true}},
    {{2, 4, 5, 3}, {3, 7, 3, 3}, {.padding = 1}},
    {{1, 4, 5, 3}, {3, 7, 3, 3}, {.algorithm = ConvAlgorithm::direct}},
    {{1, 4, 3, 2}, {2, 3, 3, 3}, {.algorithm = ConvAlgorithm::winograd}},
    {{2, 3, 4, 9}, {9, 5, 1, 1}, {.relu = true}},
    {{1, 3, 4, 5}, {5, 4, 1, 1}, {.stride = 2}},
    {{2, 4, 3, 6}, {6, 1, 3, 3}, {.stride = 2, .groups = 6}},
    {{1, 4, 3, 18}, {18, 9, 2, 2}, {.stride = 2, .groups = 2}},
    {{1, 3, 5, 2}, {2, 3, 2, 3}, {.stride = {2, 1}, .padding = {0, 2}, .dilation = {1, 2}}},
    {{1, 2, 3, 2}, {2, 3, 2, 2}, {.stride = {1, 2}, .output_padding = 2, .dilation = 3}},
};

/// Several blocks of each kernel.
const std::vector<Case> large_cases{
    {{3, 17, 19, 24}, {24, 40, 2, 2}, {.stride = 2}},
    {{3, 13, 14, 40}, {40, 20, 4, 4}, {.stride = 2, .padding = 1}},
    {{2, 12, 13, 16}, {16, 16, 5, 5}, {.padding = 2}},
    {{2, 12, 13, 16}, {16, 24, 3, 3}, {.padding = 1, .relu = true}},
};

OpCase conv_transpose2d_case(const Case& c, Gradcheck gradcheck) {
  const auto options = c.options;
  return {to_message(c.x, " with ", c.weight),
          {random_tensor<double>(c.x, 1), random_tensor<double>(c.weight, 2),
           random_tensor<double>({c.weight[1] * options.groups}, 3)},
          [=](const auto& v) { return conv_transpose2d(v[0], v[1], v[2], options); },
          [=](const Tensors<double>& in) { return naive_conv_transpose2d(in, options); },
          {1e-13, 1e-5},
          gradcheck};
}

OpCase conv_transpose2d_case(const Fixture& fixture, const std::string& name) {
  const auto option = [&](const std::string& key) {
    const auto sizes = fixture.get<Index>(name + "/" + key);
    return Size2d{sizes(0), sizes(1)};
  };
  const TransposedConvolution options{option("stride"), option("padding"), option("output_padding"),
                                      option("dilation"), fixture.get<Index>(name + "/groups")(0)};
  return pytorch_case(fixture, name, {"x", "weight", "bias"},
                      [=](const auto& v) { return conv_transpose2d(v[0], v[1], v[2], options); });
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

BadCall wrong_options(const TransposedConvolution& options, const std::string& message) {
  return throws<ValueError>(
      [=] {
        conv_transpose2d(ones({1, 4, 4, 3}), ones({3, 2, 3, 3}), {}, options);
      },
      message);
}

BadCall wrong_shapes(const Shape& x, const Shape& weight, const std::string& message,
                     const Variable<float>& bias = {}, const TransposedConvolution& options = {}) {
  return throws<ShapeError>([=] { conv_transpose2d(ones(x), ones(weight), bias, options); },
                            message);
}

}  // namespace

TEST_CASE("conv_transpose2d") {
  std::vector<OpCase> all;
  for (const Case& c : small_cases) {
    all.push_back(conv_transpose2d_case(c, Gradcheck::yes));
  }
  for (const Case& c : large_cases) {
    all.push_back(conv_transpose2d_case(c, Gradcheck::too_large));
  }
  for (const std::string name :
       {"plain", "doubled", "dcgan", "longer", "grouped", "uneven", "beyond_stride"}) {
    all.push_back(conv_transpose2d_case(Fixture("conv_transpose2d"), name));
  }
  all.push_back(
      {"no bias",
       {random_tensor<double>({2, 3, 4, 3}, 1), random_tensor<double>({3, 5, 2, 2}, 2)},
       [](const auto& v) { return conv_transpose2d(v[0], v[1], {}, {.stride = 2, .relu = true}); },
       [](Tensors<double> in) {
         in.push_back(Tensor<double>::zeros({5}));
         return naive_conv_transpose2d(in, {.stride = 2, .relu = true});
       }});
  check_op(
      "conv_transpose2d", all,
      {wrong_shapes({4, 4}, {3, 4, 2, 2},
                    "conv_transpose2d: expected x (N, H, W, C) with pixels, got (4, 4)"),
       wrong_shapes({1, 0, 4, 3}, {3, 4, 2, 2},
                    "conv_transpose2d: expected x (N, H, W, C) with pixels, got (1, 0, 4, 3)"),
       wrong_shapes({1, 4, 4, 3}, {3, 4, 2},
                    "conv_transpose2d: expected a weight (C, O / groups, KH, KW), got (3, 4, 2)"),
       wrong_shapes({1, 4, 4, 3}, {4, 3, 2, 2},
                    "conv_transpose2d: expected input channels 4, got (1, 4, 4, 3)"),
       wrong_shapes(
           {1, 4, 4, 3}, {3, 1, 2, 2},
           "conv_transpose2d: expected input channels divisible by 2 groups, got (3, 1, 2, "
           "2)",
           {}, {.groups = 2}),
       wrong_shapes({1, 4, 4, 4}, {4, 3, 2, 2},
                    "conv_transpose2d: expected a bias of shape (6,), got (3,)", ones({3}),
                    {.groups = 2}),
       wrong_shapes({1, 1, 4, 3}, {3, 4, 2, 2},
                    "conv_transpose2d: expected a padding below 1x1 to leave a result, got (1, 1, "
                    "4, 3) with a weight (3, 4, 2, 2)",
                    {}, {.padding = 1}),
       wrong_options({.stride = 0}, "conv_transpose2d: expected a positive stride, got 0x0"),
       wrong_options({.padding = -1},
                     "conv_transpose2d: expected a padding of 0 or more, got -1x-1"),
       wrong_options({.dilation = 0}, "conv_transpose2d: expected a positive dilation, got 0x0"),
       wrong_options({.groups = 0},
                     "conv_transpose2d: expected a positive number of groups, got 0"),
       wrong_options({.stride = 2, .output_padding = {0, 2}},
                     "conv_transpose2d: expected an output padding below the stride 2x2 or the "
                     "dilation 1x1, got 0x2"),
       wrong_options({.stride = 2, .output_padding = -1},
                     "conv_transpose2d: expected an output padding below the stride 2x2 or the "
                     "dilation 1x1, got -1x-1"),
       wrong_options({.stride = 2, .algorithm = ConvAlgorithm::winograd},
                     "conv_transpose2d: expected a 3x3 kernel at stride 1 without dilation for "
                     "Winograd's algorithm, got a weight (3, 2, 3, 3), stride 2x2, dilation 1x1")});
}

TEST_CASE("conv_transpose2d is the input gradient of conv2d") {
  const auto weight = random_tensor<double>({9, 5, 3, 3}, 1);
  const Variable<double> image(random_tensor<double>({2, 7, 9, 5}, 2), true);
  const auto y = conv2d(image, Variable<double>(weight), {}, {.stride = 2, .padding = 1});
  const auto dy = random_tensor<double>(y.shape(), 3);
  y.backward(dy);
  const auto transposed =
      conv_transpose2d<double>(dy, weight, {}, {.stride = 2, .padding = 1, .output_padding = 0});
  require_close(transposed.value(), image.grad(), 1e-14);
}

TEST_CASE("a transposed convolution of no images is empty") {
  const auto y = conv_transpose2d(ones({0, 3, 3, 4}), ones({4, 6, 2, 2}), ones({6}), {.stride = 2});
  CHECK(y.shape() == Shape{0, 6, 6, 6});
}

TEST_CASE("ConvTranspose2d") {
  const nn::ConvTranspose2dOptions options{
      .kernel = {3, 2}, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2};
  const auto make = [=]<class T>(T, Random& random) {
    return nn::ConvTranspose2d<T>(4, 6, options, random);
  };
  Random random(1);
  const auto bad = [&](Index in, const nn::ConvTranspose2dOptions& wrong,
                       const std::string& message) {
    return throws<ValueError>([=, &random] { nn::ConvTranspose2d<float>(in, 6, wrong, random); },
                              message);
  };
  check_op("ConvTranspose2d",
           {{"groups and a stride", layer_inputs(make, random_tensor<double>({2, 3, 4, 4}, 1)),
             layer_op(make),
             [](const Tensors<double>& in) {
               return naive_conv_transpose2d(
                   in, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2});
             }}},
           {bad(3, {.groups = 2},
                "ConvTranspose2d: expected positive channels divisible by 2 groups, got 3 and 6"),
            bad(0, {},
                "ConvTranspose2d: expected positive channels divisible by 1 groups, got 0 "
                "and 6"),
            bad(3, {.kernel = 0}, "ConvTranspose2d: expected a positive kernel, got 0x0"),
            bad(3, {.output_padding = 1},
                "ConvTranspose2d: expected an output padding below the stride 1x1 or the dilation "
                "1x1, got 1x1"),
            bad(3, {.stride = 2, .algorithm = ConvAlgorithm::winograd},
                "ConvTranspose2d: expected a 3x3 kernel at stride 1 without dilation for "
                "Winograd's algorithm, got ConvTranspose2d(3, 6, kernel 3x3, stride 2x2, "
                "padding 0x0, output padding 0x0, dilation 1x1, groups 1)")});
}

TEST_CASE("ConvTranspose2d owns a weight and a bias of PyTorch's shapes") {
  Random random(1);
  nn::ConvTranspose2d<float> layer(4, 6, {.kernel = {3, 2}, .stride = 2, .groups = 2}, random);
  const auto parameters = layer.named_parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].first == "weight");
  CHECK(parameters[0].second.shape() == Shape{4, 3, 3, 2});
  CHECK(parameters[1].first == "bias");
  CHECK(parameters[1].second.shape() == Shape{6});
  CHECK(layer(ones({1, 5, 5, 4})).shape() == Shape{1, 11, 10, 6});
  CHECK(nn::ConvTranspose2d<float>(4, 6, {.kernel = 2, .bias = false}, random).describe() ==
        "ConvTranspose2d(4, 6, kernel 2x2, stride 1x1, padding 0x0, output padding 0x0, dilation "
        "1x1, groups 1, no bias)");
}
