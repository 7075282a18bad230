// The ops that move elements: concat, flatten, flip, pad, patch_sequences, permute, reshape, slice,
// stack.
#include <algorithm>
#include <string>
#include <vector>

#include "cnnrnn/nn/flatten.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/flip.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/pad.hpp"
#include "cnnrnn/ops/patch_sequences.hpp"
#include "cnnrnn/ops/slice.hpp"
#include "cnnrnn/ops/stack.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

using Axes = std::vector<Index>;

Tensor<double> random(const Shape& shape, std::uint64_t seed = 1) {
  return random_tensor<double>(shape, seed);
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

/// A case of the fixture "shapes".
OpCase pytorch(const std::string& name, const std::vector<std::string>& inputs, Op op) {
  return pytorch_case(Fixture("shapes"), name, inputs, std::move(op));
}

/// y of that shape, with element(i, j, k).
template <class Element>
Tensor<double> each(const Shape& shape, const Element& element) {
  Tensor<double> y(shape);
  for (Index i = 0; i < shape[0]; ++i) {
    for (Index j = 0; j < shape[1]; ++j) {
      for (Index k = 0; k < shape[2]; ++k) {
        y.mutable_at(i, j, k) = element(i, j, k);
      }
    }
  }
  return y;
}

OpCase patches(const Shape& shape, Index p) {
  return {to_message(shape, " in patches of ", p),
          {random(shape)},
          [p](const auto& v) { return patch_sequences(v[0], p); },
          [p](const Tensors<double>& in) {
            const auto& x = in[0];
            const Index m = x.dim(1) / p;
            return each({x.dim(0) * m, x.dim(2) / p, x.dim(3) * p * p},
                        [&](Index row, Index column, Index feature) {
                          return x(row / m, row % m * p + feature / p % p, column * p + feature % p,
                                   feature / p / p);
                        });
          }};
}

}  // namespace

TEST_CASE("concat") {
  const Op along_last = [](const auto& v) { return concat(v); };
  const Op along_first = [](const auto& v) { return concat(v, 0); };
  check_op(
      "concat",
      {pytorch("concat/last", {"x0", "x1", "x2"}, along_last),
       pytorch("concat/first", {"x0", "x1"}, along_first),
       pytorch("concat/middle", {"x0", "x1", "x2"}, [](const auto& v) { return concat(v, 1); }),
       {"a part twice, and one alone",
        {random({2, 3}), random({2, 1}, 2), random({4, 3}, 3)},
        [](const auto& v) {
          return std::vector{concat({v[0], v[1]}), concat({v[0], v[2], v[0]}, 0), concat({v[0]}, 1),
                             concat({v[1], v[0], v[1]}, -1)};
        }}},
      {throws<ShapeError>([] { concat<float>({}); }, "concat: expected one part or more, got none"),
       throws<ShapeError>(
           [] {
             concat({ones({2, 3}), ones({3, 3})});
           },
           "concat: expected a part like (2, 3) but for axis -1, got (3, 3)"),
       throws<ShapeError>(
           [] {
             concat({ones({2, 3}), ones({2, 3, 1})}, 0);
           },
           "concat: expected a part like (2, 3) but for axis 0, got (2, 3, 1)"),
       throws<ShapeError>(
           [] {
             concat({ones({2, 3})}, 2);
           },
           "concat: expected an axis of (2, 3), got 2")});
  CHECK(concat({ones({2, 3})}).shape() == Shape{2, 3});
  const auto y = concat({ones({2, 0}), ones({2, 3}), ones({2, 0})});
  CHECK(y.shape() == Shape{2, 3});
  CHECK(y.value()(1, 2) == 1);
  CHECK(concat({ones({0, 2}), ones({0, 3})}).shape() == Shape{0, 5});
}

TEST_CASE("stack") {
  check_op(
      "stack",
      {{"along every axis",
        {random({2, 3}), random({2, 3}, 2)},
        [](const auto& v) {
          return std::vector{stack({v[0], v[1]}), stack({v[0], v[1], v[0]}, 1),
                             stack({v[1], v[0]}, -1)};
        },
        [](const Tensors<double>& in) {
          const Tensor<double>&a = in[0], &b = in[1];
          return Tensors<double>{
              each({2, 2, 3},
                   [&](Index k, Index i, Index j) { return k == 0 ? a(i, j) : b(i, j); }),
              each({2, 3, 3},
                   [&](Index i, Index k, Index j) { return k == 1 ? b(i, j) : a(i, j); }),
              each({2, 3, 2},
                   [&](Index i, Index j, Index k) { return k == 0 ? b(i, j) : a(i, j); })};
        }}},
      {throws<ShapeError>([] { stack<float>({}); }, "stack: expected one part or more, got none"),
       throws<ShapeError>(
           [] {
             stack({ones({2, 3}), ones({3, 3})});
           },
           "stack: expected parts (2, 3), got (3, 3)"),
       throws<ShapeError>(
           [] {
             stack({ones({2, 3})}, 3);
           },
           "stack: expected an axis of a result of rank 3 and no more than 6, got 3")});
  CHECK(stack({ones({})}).shape() == Shape{1});
}

TEST_CASE("flatten") {
  const Op op = [](const auto& v) { return flatten(v[0]); };
  check_op("flatten",
           {pytorch("flatten/image", {"x"}, op),
            pytorch("flatten/one", {"x"}, op),
            pytorch("flatten/pixel", {"x"}, op),
            pytorch("flatten/sequence", {"x"}, op),
            {"a matrix", {random({3, 2})}, op, [](const auto& in) { return in[0]; }}},
           {throws<ShapeError>([] { flatten(ones({3})); },
                               "flatten: expected a rank of 2 or more, got (3,)")});
  const auto make = []<class T>(T, Random&) { return nn::Flatten<T>(); };
  check_op("Flatten", {{"an image", {random({2, 3, 2, 5})}, layer_op(make), [](const auto& in) {
                          return flatten<double>(in[0]);
                        }}});
  nn::Flatten<float> layer;
  CHECK(layer(ones({0, 3, 4, 5})).shape() == Shape{0, 60});
  CHECK(layer.describe() == "Flatten()");
}

TEST_CASE("pad") {
  check_op("pad",
           {pytorch("pad/image", {"x"},
                    [](const auto& v) {
                      return pad(v[0], {{0, 0}, {2, 0}, {0, 1}, {1, 2}});
                    }),
            pytorch("pad/value", {"x"},
                    [](const auto& v) {
                      return pad(v[0], {{2, 1}}, 1.5F);
                    }),
            pytorch("pad/channels", {"x"},
                    [](const auto& v) {
                      return pad(v[0], {{0, 0}, {0, 0}, {0, 0}, {0, 4}});
                    }),
            {"in front, behind, nowhere",
             {random({2, 3, 5})},
             [](const auto& v) {
               return std::vector{pad(v[0], {{1, 2}, {0, 0}, {0, 1}}),
                                  pad(v[0], {{0, 0}, {3, 0}, {0, 0}}),
                                  pad(v[0], {{0, 0}, {0, 0}, {0, 0}}, 2)};
             }}},
           {throws<ShapeError>(
                [] {
                  pad(ones({2, 3}), {{1, 1}});
                },
                "pad: expected a padding for each axis of (2, 3), got 1"),
            throws<ValueError>(
                [] {
                  pad(ones({2, 3}), {{0, 0}, {1, -1}});
                },
                "pad: expected paddings of 0 or more, got 1 and -1 for axis 1"),
            throws<ValueError>(
                [] {
                  pad(ones({2, 3}), {{-1, 0}, {0, 0}});
                },
                "pad: expected paddings of 0 or more, got -1 and 0 for axis 0")});
  const Tensor<float> column({3, 1}, {1, 2, 3});
  const Variable<float> x(column, true);
  const auto beside_column = pad(x, {{0, 0}, {1, 1}});
  const std::vector<float> expected{0, 1, 0, 0, 2, 0, 0, 3, 0};
  CHECK(std::ranges::equal(beside_column.value().span(), expected));
  beside_column.backward(Tensor<float>({3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(std::ranges::equal(x.grad().span(), std::vector<float>{1, 4, 7}));
  const auto around_nothing = pad(ones({0, 2}), {{1, 1}, {0, 1}}, 7).value();
  CHECK(around_nothing.shape() == Shape{2, 3});
  CHECK(around_nothing(1, 2) == 7);
}

TEST_CASE("patch_sequences") {
  check_op("patch_sequences",
           {patches({2, 4, 6, 3}, 2), patches({1, 3, 3, 9}, 3), patches({3, 2, 5, 1}, 1),
            patches({1, 8, 4, 2}, 4)},
           {throws<ShapeError>(
                [] {
                  patch_sequences(ones({2, 4, 6, 3}), 4);
                },
                "patch_sequences: expected an input (N, H, W, C) with H and W "
                "multiples of 4, got (2, 4, 6, 3)"),
            throws<ShapeError>(
                [] {
                  patch_sequences(ones({2, 6, 4, 3}), 4);
                },
                "patch_sequences: expected an input (N, H, W, C) with H and W "
                "multiples of 4, got (2, 6, 4, 3)"),
            throws<ShapeError>(
                [] {
                  patch_sequences(ones({4, 4, 3}), 2);
                },
                "patch_sequences: expected an input (N, H, W, C) with H and W "
                "multiples of 2, got (4, 4, 3)"),
            throws<ValueError>(
                [] {
                  patch_sequences(ones({2, 4, 4, 3}), 0);
                },
                "patch_sequences: expected a positive patch size, got 0")});
}

TEST_CASE("patch_sequences agrees with PyTorch") {
  const Fixture fixture("rnn_tap");
  for (const std::string name : {"rows", "one_patch", "pixels"}) {
    CAPTURE(name);
    const Index patch = fixture.get<Index>(name + "/options")(0);
    const auto y = patch_sequences(Variable<double>(fixture.get<double>(name + "/x")), patch);
    require_close(y.value(), fixture.get<double>(name + "/sequences"), 0);
  }
}

TEST_CASE("permute") {
  const auto by = [](const Axes& axes) {
    return Op([axes](const auto& v) { return permute(v[0], axes); });
  };
  const auto wrong = [](const Axes& axes, const std::string& got) {
    return throws<ShapeError>(
        [axes] {
          permute(ones({2, 3}), axes);
        },
        "permute: expected every axis of (2, 3) once, got {" + got + '}');
  };
  check_op("permute",
           {pytorch("permute/transpose", {"x"}, by({1, 0})),
            pytorch("permute/nothing", {"x"}, by({0, 1, 2})),
            pytorch("permute/nchw", {"x"}, by({0, 3, 1, 2})),
            pytorch("permute/six", {"x"}, by({3, 0, 5, 1, 4, 2})),
            pytorch("permute/negative", {"x"}, by({-1, 0, -2})),
            {"the other orders of three axes",
             {random({2, 3, 5})},
             [](const auto& v) {
               return std::vector{permute(v[0], {2, 1, 0}), permute(v[0], {1, 2, 0}),
                                  permute(v[0], {0, 2, 1})};
             }},
            {"many blocks, where a block ends inside a row",
             {random({7, 130, 67})},
             by({2, 0, 1}),
             [](const Tensors<double>& in) {
               return each({67, 7, 130}, [&](Index i, Index j, Index k) { return in[0](j, k, i); });
             },
             {},
             Gradcheck::too_large}},
           {wrong({0}, "0"), wrong({0, 0}, "0, 0"), wrong({1, 2}, "1, 2"), wrong({0, -3}, "0, -3"),
            wrong({0, 1, 2}, "0, 1, 2")});
  CHECK(permute(Variable<float>(Tensor<float>::scalar(3)), {}).item() == 3);
  CHECK(permute(ones({1, 1}), {1, 0}).item() == 1);
  CHECK(permute(ones({3, 0}), {1, 0}).shape() == Shape{0, 3});
}

TEST_CASE("the gradient of a permutation is the permutation back, over many blocks") {
  const Variable<float> x(random_tensor<float>({7, 130, 67}, 1), true);
  const auto y = permute(x, {2, 0, 1});
  y.backward(y.value());
  require_close(x.grad(), x.value(), 0);
}

TEST_CASE("reshape") {
  const auto same_elements = [](const Tensors<double>& in) {
    return Tensors<double>{Tensor<double>({3, 4}, in[0].span()),
                           Tensor<double>({1, 12}, in[0].span())};
  };
  check_op("reshape",
           {{"two shapes",
             {random({2, 6})},
             [](const auto& v) {
               return std::vector{reshape(v[0], {3, -1}), reshape(v[0], Shape{1, 12})};
             },
             same_elements},
            {"used twice",
             {random({2, 6})},
             [](const auto& v) {
               const auto y = reshape(v[0], {3, -1});
               return std::vector{y * y, reshape(v[0], Shape{1, 12}) + 1};
             }}},
           {throws<ShapeError>(
               [] {
                 reshape(ones({2, 3}), Shape{5});
               },
               "reshape: expected 6 elements of (2, 3), got (5,)")});
  CHECK_THROWS_AS(reshape(ones({2, 3}), {4, -1}), ShapeError);
  CHECK_THROWS_AS(reshape(ones({2, 3}), {-1, -1}), ShapeError);
  const Variable<float> x(random_tensor<float>({2, 3, 4}, 1), true);
  CHECK(reshape(x, {4, -1}).value().shares_memory_with(x.value()));
}

TEST_CASE("gradients through reshape do not change the one that was given") {
  const Variable<double> x(Tensor<double>::ones({2, 3}), true);
  const auto dy = Tensor<double>::ones({6});
  reshape(x, {6}).backward(dy);
  reshape(x, {6}).backward(dy);
  CHECK(dy(0) == 1);
  CHECK(x.grad()(1, 2) == 2);
}

TEST_CASE("flip") {
  const auto along = [](Index axis) { return [axis](const auto& v) { return flip(v[0], axis); }; };
  check_op("flip",
           {pytorch("flip/columns", {"x"}, along(2)),
            pytorch("flip/first", {"x"}, along(0)),
            pytorch("flip/last", {"x"}, along(-1)),
            {"twice, and an empty one",
             {random({3, 50, 131})},
             [](const auto& v) {
               return std::vector{flip(flip(v[0], 1), 1), flip(slice(v[0], 1, 0, 0), 1)};
             },
             [](const Tensors<double>& in) {
               return Tensors<double>{in[0], Tensor<double>({3, 0, 131})};
             },
             {},
             Gradcheck::too_large}},
           {throws<ShapeError>(
                [] {
                  flip(ones({2, 5}), 2);
                },
                "flip: expected an axis of (2, 5), got 2"),
            throws<ShapeError>(
                [] {
                  flip(ones({2, 5}), -3);
                },
                "flip: expected an axis of (2, 5), got -3")});
}

TEST_CASE("slice") {
  const auto wrong = [](Index axis, Index first, Index length, const std::string& message) {
    return throws<ShapeError>([=] { slice(ones({2, 5}), axis, first, length); }, message);
  };
  check_op(
      "slice",
      {{"the middle, the ends, all and nothing",
        {random({3, 4, 2})},
        [](const auto& v) {
          return std::vector{slice(v[0], 1, 1, 2), slice(v[0], -2, 0, 2), slice(v[0], 0, 1, 2),
                             slice(v[0], 2, 0, 1), slice(v[0], 0, 0, 3),  slice(v[0], 0, 3, 0)};
        },
        [](const Tensors<double>& in) {
          const auto from = [&](const Shape& shape, Index i0, Index j0) {
            return each(shape, [&](Index i, Index j, Index k) { return in[0](i0 + i, j0 + j, k); });
          };
          return Tensors<double>{from({3, 2, 2}, 0, 1), from({3, 2, 2}, 0, 0),
                                 from({2, 4, 2}, 1, 0), from({3, 4, 1}, 0, 0),
                                 from({3, 4, 2}, 0, 0), from({0, 4, 2}, 0, 0)};
        }}},
      {wrong(1, 3, 3,
             "slice: expected a part of the 5 entries of axis 1 of (2, 5), got 3 from 3 on"),
       wrong(1, -1, 2,
             "slice: expected a part of the 5 entries of axis 1 of (2, 5), got 2 from -1 on"),
       wrong(0, 0, -1,
             "slice: expected a part of the 2 entries of axis 0 of (2, 5), got -1 from 0 on"),
       wrong(2, 0, 1, "slice: expected an axis of (2, 5), got 2"),
       wrong(-3, 0, 1, "slice: expected an axis of (2, 5), got -3")});
}
