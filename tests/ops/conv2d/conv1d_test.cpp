#include "cnnrnn/ops/conv1d.hpp"

#include <string>
#include <vector>

#include "cnnrnn/nn/conv1d.hpp"
#include "cnnrnn/nn/conv_transpose1d.hpp"
#include "cnnrnn/ops/conv_transpose1d.hpp"
#include "support/catch.hpp"
#include "support/conv2d_reference.hpp"
#include "support/conv_transpose_reference.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// Sequences and their weights as images of one row, what `reference` makes of them as sequences.
template <class Reference>
Tensor<double> as_images(const Tensors<double>& in, const Reference& reference) {
  const auto image = [](const Tensor<double>& t) {
    return t.reshape({t.dim(0), 1, t.dim(1), t.dim(2)});
  };
  const auto weight = in[1].reshape({in[1].dim(0), in[1].dim(1), 1, in[1].dim(2)});
  const Tensor<double> y = reference(Tensors<double>{image(in[0]), weight, in[2]});
  return y.reshape({y.dim(0), y.dim(2), y.dim(3)});
}

Tensor<double> naive_conv1d(const Tensors<double>& in, const Convolution1d& o) {
  return as_images(in, [&](const Tensors<double>& images) {
    return naive_conv2d(images, {.stride = {1, o.stride},
                                 .padding = {0, o.padding},
                                 .dilation = {1, o.dilation},
                                 .groups = o.groups,
                                 .relu = o.relu});
  });
}

Tensor<double> naive_conv_transpose1d(const Tensors<double>& in, const TransposedConvolution1d& o) {
  return as_images(in, [&](const Tensors<double>& images) {
    return naive_conv_transpose2d(images, {.stride = {1, o.stride},
                                           .padding = {0, o.padding},
                                           .output_padding = {0, o.output_padding},
                                           .dilation = {1, o.dilation},
                                           .groups = o.groups,
                                           .relu = o.relu});
  });
}

template <class Options>
struct Case {
  Shape x;
  Shape weight;
  Options options;
  Gradcheck gradcheck = Gradcheck::yes;
};

const std::vector<Case<Convolution1d>> cases{
    {{1, 1, 1}, {1, 1, 1}, {}},
    {{2, 9, 3}, {5, 3, 3}, {.padding = 1}},
    {{1, 12, 5}, {9, 5, 5}, {.stride = 3, .padding = 2, .relu = true}},
    {{2, 15, 2}, {3, 2, 3}, {.padding = 3, .dilation = 4}},
    {{1, 8, 6}, {4, 3, 4}, {.stride = 2, .groups = 2}},
    {{2, 7, 4}, {4, 1, 3}, {.padding = 1, .groups = 4}},
    {{2, 8, 5}, {7, 5, 2}, {.stride = 2}},
    {{1, 11, 5}, {7, 5, 2}, {.stride = 4, .relu = true}},
    {{2, 5, 9}, {17, 9, 1}, {}},
    {{1, 4, 3}, {2, 3, 9}, {.padding = 5}},
    {{2, 611, 20}, {24, 20, 7}, {.padding = 3, .relu = true}, Gradcheck::too_large},
    {{1, 1100, 17}, {18, 17, 3}, {.padding = 8, .dilation = 8}, Gradcheck::too_large},
    {{2, 1001, 9}, {33, 9, 9}, {.stride = 4}, Gradcheck::too_large},
};

const std::vector<Case<TransposedConvolution1d>> transposed_cases{
    {{1, 1, 1}, {1, 1, 1}, {}},
    {{2, 6, 3}, {3, 5, 3}, {.padding = 1}},
    {{1, 7, 5}, {5, 9, 2}, {.stride = 2, .relu = true}},
    {{2, 5, 4}, {4, 3, 4}, {.stride = 2, .padding = 1}},
    {{2, 4, 5}, {5, 3, 2}, {.stride = 3, .output_padding = 2}},
    {{1, 6, 4}, {4, 3, 4}, {.stride = 2, .groups = 2}},
    {{1, 5, 2}, {2, 3, 3}, {.stride = 2, .padding = 2, .output_padding = 3, .dilation = 4}},
    {{2, 401, 24}, {24, 17, 8}, {.stride = 4, .padding = 2}, Gradcheck::too_large},
};

template <class Options, class Make, class Naive>
std::vector<OpCase> rows(const std::vector<Case<Options>>& all, Index outputs_axis, const Make& op,
                         const Naive& naive) {
  std::vector<OpCase> result;
  for (const auto& c : all) {
    const Index groups = outputs_axis == 0 ? 1 : c.options.groups;
    result.push_back(
        {to_message(c.x, " with ", c.weight),
         {random_tensor<double>(c.x, 1), random_tensor<double>(c.weight, 2),
          random_tensor<double>({c.weight[outputs_axis] * groups}, 3)},
         op(c.options),
         [naive, options = c.options](const Tensors<double>& in) { return naive(in, options); },
         {1e-13, 1e-5},
         c.gradcheck});
  }
  return result;
}

Op conv1d_op(const Convolution1d& options) {
  return [=](const auto& v) { return conv1d(v[0], v[1], v[2], options); };
}

Op conv_transpose1d_op(const TransposedConvolution1d& options) {
  return [=](const auto& v) { return conv_transpose1d(v[0], v[1], v[2], options); };
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

template <class E>
BadCall bad_conv1d(const Shape& x, const Shape& weight, const Convolution1d& options,
                   const std::string& message, const Variable<float>& bias = {}) {
  return throws<E>([=] { conv1d(ones(x), ones(weight), bias, options); }, message);
}

template <class E>
BadCall bad_transposed(const Shape& x, const Shape& weight, const TransposedConvolution1d& options,
                       const std::string& message, const Variable<float>& bias = {}) {
  return throws<E>([=] { conv_transpose1d(ones(x), ones(weight), bias, options); }, message);
}

}  // namespace

TEST_CASE("conv1d") {
  auto all = rows(cases, 0, conv1d_op, naive_conv1d);
  const Fixture fixture("conv1d");
  const auto pytorch = [&](const std::string& name, const Convolution1d& options) {
    all.push_back(
        pytorch_case(fixture, "conv/" + name, {"x", "weight", "bias"}, conv1d_op(options)));
  };
  pytorch("plain", {.padding = 1});
  pytorch("stride", {.stride = 3, .padding = 2});
  pytorch("dilated", {.padding = 4, .dilation = 4});
  pytorch("grouped", {.stride = 2, .groups = 2});
  const Shape x{2, 8, 4};
  const Shape weight{6, 4, 3};
  check_op(
      "conv1d", all,
      {bad_conv1d<ShapeError>({2, 1, 8, 4}, weight, {},
                              "conv1d: expected x (N, T, C), got (2, 1, 8, 4)"),
       bad_conv1d<ShapeError>(x, {6, 4, 1, 3}, {},
                              "conv1d: expected a weight (O, C / groups, K), got (6, 4, 1, 3)"),
       bad_conv1d<ShapeError>(x, {6, 3, 3}, {}, "conv1d: expected input channels 3, got (2, 8, 4)"),
       bad_conv1d<ShapeError>(
           x, {5, 2, 3}, {.groups = 2},
           "conv1d: expected output channels divisible by 2 groups, got (5, 2, 3)"),
       bad_conv1d<ShapeError>(x, weight, {}, "conv1d: expected a bias of shape (6,), got (4,)",
                              ones({4})),
       bad_conv1d<ShapeError>(x, weight, {.padding = 1, .dilation = 5},
                              "conv1d: expected at least 11 steps with the padding 1, got (2, 8, "
                              "4)"),
       bad_conv1d<ValueError>(x, weight, {.stride = 0},
                              "conv1d: expected a positive stride, got 0"),
       bad_conv1d<ValueError>(x, weight, {.padding = -1},
                              "conv1d: expected a padding of 0 or more, got -1"),
       bad_conv1d<ValueError>(x, weight, {.dilation = 0},
                              "conv1d: expected a positive dilation, got 0"),
       bad_conv1d<ValueError>(x, weight, {.groups = 0},
                              "conv1d: expected a positive number of groups, got 0")});
}

TEST_CASE("conv_transpose1d") {
  auto all = rows(transposed_cases, 1, conv_transpose1d_op, naive_conv_transpose1d);
  const Fixture fixture("conv1d");
  const auto pytorch = [&](const std::string& name, const TransposedConvolution1d& options) {
    all.push_back(pytorch_case(fixture, "transposed/" + name, {"x", "weight", "bias"},
                               conv_transpose1d_op(options)));
  };
  pytorch("plain", {.padding = 1});
  pytorch("doubled", {.stride = 2});
  pytorch("longer", {.stride = 3, .padding = 2, .output_padding = 2});
  pytorch("grouped", {.stride = 2, .padding = 1, .groups = 2});
  pytorch("beyond_stride", {.stride = 2, .padding = 3, .output_padding = 3, .dilation = 4});
  const Shape x{2, 8, 4};
  const Shape weight{4, 6, 3};
  check_op(
      "conv_transpose1d", all,
      {bad_transposed<ShapeError>(
           {2, 0, 4}, weight, {},
           "conv_transpose1d: expected x (N, T, C) with steps, got (2, 0, 4)"),
       bad_transposed<ShapeError>(
           x, {4, 6, 1, 3}, {},
           "conv_transpose1d: expected a weight (C, O / groups, K), got (4, 6, 1, 3)"),
       bad_transposed<ShapeError>(x, {3, 6, 3}, {},
                                  "conv_transpose1d: expected input channels 3, got (2, 8, 4)"),
       bad_transposed<ShapeError>(
           x, weight, {.groups = 3},
           "conv_transpose1d: expected input channels divisible by 3 groups, got (4, 6, 3)"),
       bad_transposed<ShapeError>(
           x, weight, {}, "conv_transpose1d: expected a bias of shape (6,), got (4,)", ones({4})),
       bad_transposed<ShapeError>(
           x, weight, {.padding = 5},
           "conv_transpose1d: expected a padding below 5 to leave a result, got (2, 8, 4) with a "
           "weight (4, 6, 3)"),
       bad_transposed<ValueError>(x, weight, {.stride = 0},
                                  "conv_transpose1d: expected a positive stride, got 0"),
       bad_transposed<ValueError>(
           x, weight, {.stride = 2, .output_padding = 2},
           "conv_transpose1d: expected an output padding below the stride 2 or the dilation 1, "
           "got 2")});
}

TEST_CASE("Conv1d") {
  const auto make = []<class T>(T, Random& random) {
    return nn::Conv1d<T>(4, 6, {.stride = 2, .padding = 1, .groups = 2}, random);
  };
  Random random(1);
  const auto bad = [&](Index in, const nn::Conv1dOptions& wrong, const std::string& message) {
    return throws<ValueError>([=, &random] { nn::Conv1d<float>(in, 6, wrong, random); }, message);
  };
  check_op("Conv1d",
           {{"groups and a stride", layer_inputs(make, random_tensor<double>({2, 9, 4}, 1)),
             layer_op(make),
             [](const Tensors<double>& in) {
               return naive_conv1d(in, {.stride = 2, .padding = 1, .groups = 2});
             }}},
           {bad(3, {.groups = 2},
                "Conv1d: expected positive channels divisible by 2 groups, got 3 and "
                "6"),
            bad(3, {.kernel = 0}, "Conv1d: expected a positive kernel, got 0"),
            bad(3, {.stride = -2}, "Conv1d: expected a positive stride, got -2")});
  nn::Conv1d<float> layer(4, 6, {.kernel = 5, .groups = 2}, random);
  CHECK(layer.parameters()[0].shape() == Shape{6, 2, 5});
  CHECK(layer.parameters()[1].shape() == Shape{6});
  CHECK(layer.describe() == "Conv1d(4, 6, kernel 5, stride 1, padding 0, dilation 1, groups 2)");
}

TEST_CASE("ConvTranspose1d") {
  const auto make = []<class T>(T, Random& random) {
    return nn::ConvTranspose1d<T>(4, 6, {.kernel = 4, .stride = 2, .padding = 1, .groups = 2},
                                  random);
  };
  Random random(1);
  check_op("ConvTranspose1d",
           {{"groups and a stride", layer_inputs(make, random_tensor<double>({2, 7, 4}, 1)),
             layer_op(make),
             [](const Tensors<double>& in) {
               return naive_conv_transpose1d(in, {.stride = 2, .padding = 1, .groups = 2});
             }}},
           {throws<ValueError>(
               [&] { nn::ConvTranspose1d<float>(4, 3, {.groups = 2}, random); },
               "ConvTranspose1d: expected positive channels divisible by 2 groups, got 4 and 3")});
  nn::ConvTranspose1d<float> layer(4, 6, {.kernel = 5, .groups = 2, .bias = false}, random);
  CHECK(layer.parameters()[0].shape() == Shape{4, 3, 5});
  CHECK(layer.describe() ==
        "ConvTranspose1d(4, 6, kernel 5, stride 1, padding 0, output padding 0, dilation 1, groups "
        "2, no bias)");
}
