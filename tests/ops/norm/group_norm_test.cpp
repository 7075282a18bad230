#include "cnnrnn/nn/group_norm.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/nn/layer_norm.hpp"
#include "support/catch.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

/// x (N, P, C), normalised over the pixels and the channels of each group, by the definition.
Tensor<double> naive(const Tensors<double>& in, Index groups, double epsilon) {
  const auto& x = in[0];
  Tensor<double> y(x.shape());
  const Index width = x.dim(2) / groups;
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index g = 0; g < groups; ++g) {
      const auto each = [&](const auto& body) {
        for (Index p = 0; p < x.dim(1); ++p) {
          for (Index c = g * width; c < (g + 1) * width; ++c) {
            body(p, c);
          }
        }
      };
      double mean = 0;
      double variance = 0;
      const auto count = static_cast<double>(x.dim(1) * width);
      each([&](Index p, Index c) { mean += x(n, p, c) / count; });
      each([&](Index p, Index c) { variance += std::pow(x(n, p, c) - mean, 2) / count; });
      each([&](Index p, Index c) {
        y.mutable_at(n, p, c) =
            (x(n, p, c) - mean) / std::sqrt(variance + epsilon) * in[1](c) + in[2](c);
      });
    }
  }
  return y;
}

OpCase row(const Shape& shape, Index groups, Gradcheck gradcheck = Gradcheck::yes) {
  return {to_message(shape, " in ", groups, " groups"),
          {random_tensor<double>(shape, 1), random_tensor<double>({shape[-1]}, 2),
           random_tensor<double>({shape[-1]}, 3)},
          [=](const auto& v) { return group_norm(v[0], groups, v[1], v[2], 0.01); },
          [=](const Tensors<double>& in) { return naive(in, groups, 0.01); },
          {},
          gradcheck};
}

OpCase pytorch(const std::string& name, const std::vector<std::string>& inputs, Op op) {
  return pytorch_case(Fixture("group_norm"), name, inputs, std::move(op));
}

}  // namespace

TEST_CASE("group_norm") {
  const std::vector<std::string> all{"x", "weight", "bias"};
  check_op("group_norm",
           {pytorch("groups", all, [](const auto& v) { return group_norm(v[0], 3, v[1], v[2]); }),
            pytorch("one_group", all,
                    [](const auto& v) { return group_norm(v[0], 1, v[1], v[2], 0.1); }),
            pytorch("each_channel", {"x"}, [](const auto& v) { return group_norm(v[0], 4); }),
            row({2, 3, 6}, 2), row({1, 5, 4}, 4), row({30, 40, 34}, 2, Gradcheck::too_large)},
           {throws<ShapeError>([] { group_norm(ones({3}), 1); },
                               "group_norm: expected x (N, ..., C), got (3,)"),
            throws<ValueError>(
                [] {
                  group_norm(ones({2, 6}), 4);
                },
                "group_norm: expected groups that divide 6 channels, got 4"),
            throws<ShapeError>(
                [] {
                  group_norm(ones({2, 6}), 2, ones({5}));
                },
                "group_norm: expected a weight of shape (6,), got (5,)"),
            throws<ShapeError>(
                [] {
                  group_norm(ones({2, 6}), 2, ones({6}), ones({2, 3}));
                },
                "group_norm: expected a bias of shape (6,), got (2, 3)"),
            throws<ValueError>(
                [] {
                  group_norm(ones({2, 6}), 2, {}, {}, 0);
                },
                "group_norm: expected a positive epsilon, got 0")});
}

TEST_CASE("layer_norm") {
  const std::vector<std::string> all{"x", "weight", "bias"};
  check_op("layer_norm",
           {pytorch("layer", all, [](const auto& v) { return layer_norm(v[0], {19}, v[1], v[2]); }),
            pytorch("layer_of_two_axes", all,
                    [](const auto& v) {
                      return layer_norm(v[0], {3, 5}, v[1], v[2]);
                    }),
            pytorch("layer_plain", {"x"},
                    [](const auto& v) { return layer_norm(v[0], {33}, {}, {}, 0.1); }),
            {"many blocks",
             {random_tensor<double>({700, 1, 35}, 1), random_tensor<double>({35}, 2),
              random_tensor<double>({35}, 3)},
             [](const auto& v) { return layer_norm(v[0], {35}, v[1], v[2]); },
             [](const Tensors<double>& in) { return naive(in, 1, 1e-5); },
             {},
             Gradcheck::too_large}},
           {throws<ShapeError>(
                [] {
                  layer_norm(ones({2, 3}), {2});
                },
                "layer_norm: expected x whose last axes are (2,), got (2, 3)"),
            throws<ShapeError>(
                [] {
                  layer_norm(ones({3}), {1, 3});
                },
                "layer_norm: expected x whose last axes are (1, 3), got (3,)"),
            throws<ShapeError>(
                [] {
                  layer_norm(ones({2, 3}), {3}, ones({2}));
                },
                "layer_norm: expected a weight of shape (3,), got (2,)")});
}

TEST_CASE("GroupNorm") {
  const auto make = []<class T>(T, Random&) { return nn::GroupNorm<T>(2, 6); };
  check_op("GroupNorm",
           {{"an image", layer_inputs(make, random_tensor<double>({2, 4, 6}, 1)), layer_op(make),
             [](const Tensors<double>& in) { return naive(in, 2, 1e-5); }}},
           {throws<ValueError>([] { nn::GroupNorm<float>(4, 6); },
                               "GroupNorm: expected groups that divide the channels, got 4 and 6"),
            throws<ValueError>([] { nn::GroupNorm<float>(2, 6, {.epsilon = 0}); },
                               "GroupNorm: expected a positive epsilon, got 0"),
            throws<ShapeError>(
                [] {
                  nn::GroupNorm<float>(2, 6)(ones({2, 4}));
                },
                "GroupNorm: expected x (N, ..., 6), got (2, 4)")});
  CHECK(nn::GroupNorm<float>(2, 6).describe() == "GroupNorm(2, 6, epsilon 1e-05)");
  CHECK(nn::GroupNorm<float>(2, 6, {.affine = false}).parameters().empty());
}

TEST_CASE("LayerNorm") {
  const auto make = []<class T>(T, Random&) { return nn::LayerNorm<T>(7); };
  check_op("LayerNorm",
           {{"rows", layer_inputs(make, random_tensor<double>({3, 1, 7}, 1)), layer_op(make),
             [](const Tensors<double>& in) { return naive(in, 1, 1e-5); }}},
           {throws<ValueError>([] { nn::LayerNorm<float>(Shape{}); },
                               "LayerNorm: expected a shape with elements, got ()"),
            throws<ValueError>([] { nn::LayerNorm<float>(7, {.epsilon = -1}); },
                               "LayerNorm: expected a positive epsilon, got -1")});
  CHECK(nn::LayerNorm<float>(7, {.bias = false}).describe() ==
        "LayerNorm((7,), epsilon 1e-05, no bias)");
  CHECK(nn::LayerNorm<float>({3, 5}).weight().shape() == Shape{3, 5});
}
