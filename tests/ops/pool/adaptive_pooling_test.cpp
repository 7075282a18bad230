#include "cnnrnn/ops/adaptive_pooling.hpp"

#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/nn/adaptive_pooling.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

// The cases of tests/fixtures/generate/pooling.py, without adaptive_ in front.
struct Case {
  std::string name;
  Size2d output;
};
const std::vector<Case> cases{{"divides", {3, 2}}, {"overlaps", {3, 4}}, {"larger", {7, 6}},
                              {"mixed", {4, 4}},   {"equal", {4, 3}},    {"pixel", {2, 3}},
                              {"prime", {5, 7}}};

/// Distinct values far enough apart that a small step never changes which is the largest.
Tensor<double> distinct(const Shape& shape) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.01 * static_cast<double>(i) - 1;
  }
  Random(7).shuffle(std::span(values));
  return Tensor<double>(shape, values);
}

/// The largest and the mean of each window, by the definition.
Tensor<double> reference(const Tensor<double>& x, Size2d output, bool largest) {
  const auto begin = [](Index i, Index size, Index outputs) { return i * size / outputs; };
  const auto end = [](Index i, Index size, Index outputs) {
    return ((i + 1) * size + outputs - 1) / outputs;
  };
  Tensor<double> y({x.dim(0), output.h, output.w, x.dim(3)});
  const auto pool = [&](Index n, Index p, Index q, Index c) {
    double best = -std::numeric_limits<double>::infinity();
    double sum = 0;
    Index count = 0;
    for (Index i = begin(p, x.dim(1), output.h); i < end(p, x.dim(1), output.h); ++i) {
      for (Index j = begin(q, x.dim(2), output.w); j < end(q, x.dim(2), output.w); ++j) {
        best = std::max(best, x(n, i, j, c));
        sum += x(n, i, j, c);
        ++count;
      }
    }
    return largest ? best : sum / static_cast<double>(count);
  };
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index p = 0; p < output.h; ++p) {
      for (Index q = 0; q < output.w; ++q) {
        for (Index c = 0; c < x.dim(3); ++c) {
          y.mutable_at(n, p, q, c) = pool(n, p, q, c);
        }
      }
    }
  }
  return y;
}

template <class Pool>
std::vector<OpCase> adaptive_cases(const std::string& kind, Pool pool) {
  const bool largest = kind == "max";
  const auto op = [=](Size2d output) {
    return Op([=](const auto& v) { return pool(v[0], output); });
  };
  const auto expected = [=](Size2d output) {
    return [=](const Tensors<double>& in) { return reference(in[0], output, largest); };
  };
  std::vector<OpCase> all;
  for (const auto& [name, output] : cases) {
    all.push_back(pytorch_case(Fixture("pooling"), to_message("adaptive_", name, '/', kind), {"x"},
                               op(output)));
    all.push_back(
        {"other channels, " + name, {distinct({1, 5, 6, 3})}, op(output), expected(output)});
  }
  for (const Size2d output : {Size2d(7, 5), Size2d(4, 6), Size2d(1, 1)}) {
    all.push_back({to_message("many channels to ", output),
                   {random_tensor<double>({3, 12, 13, 109}, 1)},
                   op(output),
                   expected(output),
                   {1e-14, 1e-6},
                   Gradcheck::too_large});
  }
  // Windows of more than 256 pixels keep their places in words.
  all.push_back({"large windows", {distinct({1, 38, 23, 1})}, op({2, 1}), expected({2, 1})});
  all.push_back(
      {"large windows that overlap", {distinct({1, 37, 19, 1})}, op({2, 1}), expected({2, 1})});
  all.push_back({"added to",
                 {distinct({2, 5, 4, 17})},
                 [=](const auto& v) {
                   return std::vector{pool(v[0], {3, 3}), pool(v[0], {2, 4})};
                 },
                 [=](const Tensors<double>& in) {
                   return Tensors<double>{reference(in[0], {3, 3}, largest),
                                          reference(in[0], {2, 4}, largest)};
                 }});
  return all;
}

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

template <class Pool>
std::vector<BadCall> bad_calls(const std::string& name, Pool pool) {
  return {throws<ShapeError>(
              [=] {
                pool(ones({2, 3}), 1);
              },
              name + ": expected x (N, H, W, C) with pixels, got (2, 3)"),
          throws<ShapeError>(
              [=] {
                pool(ones({2, 3, 0, 1}), 1);
              },
              name + ": expected x (N, H, W, C) with pixels, got (2, 3, 0, 1)"),
          throws<ValueError>(
              [=] {
                pool(ones({2, 3, 3, 1}), {0, 2});
              },
              name + ": expected a positive output size, got 0x2")};
}

}  // namespace

TEST_CASE("adaptive_max_pool2d") {
  const auto pool = [](const auto& x, Size2d output) { return adaptive_max_pool2d(x, output); };
  check_op("adaptive_max_pool2d", adaptive_cases("max", pool),
           bad_calls("adaptive_max_pool2d", pool));
}

TEST_CASE("adaptive_avg_pool2d") {
  const auto pool = [](const auto& x, Size2d output) { return adaptive_avg_pool2d(x, output); };
  check_op("adaptive_avg_pool2d", adaptive_cases("avg", pool),
           bad_calls("adaptive_avg_pool2d", pool));
}

TEST_CASE("global_max_pool2d") {
  const Op op = [](const auto& v) { return global_max_pool2d(v[0]); };
  const auto expected = [](const Tensors<double>& in) {
    return reference(in[0], 1, true).reshape({in[0].dim(0), in[0].dim(3)});
  };
  auto bad = bad_calls("global_max_pool2d",
                       [](const auto& x, Size2d /*output*/) { global_max_pool2d(x); });
  bad.pop_back();  // it has no output size
  check_op("global_max_pool2d",
           {pytorch_case(Fixture("pooling"), "global_max/max", {"x"}, op),
            {"odd channels", {distinct({2, 3, 5, 9})}, op, expected},
            {"more than 256 pixels", {distinct({1, 17, 19, 2})}, op, expected}},
           bad);
  CHECK(global_max_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 3});
}

TEST_CASE("layers that pool to one size") {
  const auto x = distinct({2, 5, 6, 3});
  check_op("AdaptiveMaxPool2d",
           {{"an image",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::AdaptiveMaxPool2d<T>({2, 4});
             }),
             [](const Tensors<double>& in) {
               return reference(in[0], {2, 4}, true);
             }}},
           {throws<ValueError>(
               [] {
                 nn::AdaptiveMaxPool2d<float>({3, 0});
               },
               "AdaptiveMaxPool2d: expected a positive output size, got 3x0")});
  check_op("AdaptiveAvgPool2d",
           {{"an image",
             {x},
             layer_op([]<class T>(T, Random&) { return nn::AdaptiveAvgPool2d<T>(3); }),
             [](const Tensors<double>& in) { return reference(in[0], 3, false); }}},
           {throws<ValueError>([] { nn::AdaptiveAvgPool2d<float>(-1); },
                               "AdaptiveAvgPool2d: expected a positive output size, got -1x-1")});
  check_op("GlobalMaxPool2d",
           {{"an image",
             {x},
             layer_op([]<class T>(T, Random&) { return nn::GlobalMaxPool2d<T>(); }),
             [](const Tensors<double>& in) { return global_max_pool2d<double>(in[0]); }}});
  CHECK(nn::AdaptiveMaxPool2d<float>({2, 4}).describe() == "AdaptiveMaxPool2d(2x4)");
  CHECK(nn::AdaptiveAvgPool2d<float>(7).describe() == "AdaptiveAvgPool2d(7x7)");
  CHECK(nn::GlobalMaxPool2d<float>().describe() == "GlobalMaxPool2d()");
}

TEST_CASE("an empty batch pools to an empty batch of that size") {
  CHECK(adaptive_max_pool2d(ones({0, 4, 4, 3}), {3, 2}).shape() == Shape{0, 3, 2, 3});
  CHECK(adaptive_avg_pool2d(ones({0, 4, 4, 3}), {3, 2}).shape() == Shape{0, 3, 2, 3});
}

TEST_CASE("of equals in an adaptive window the first gets the gradient, and NaN wins") {
  const Variable<float> x(Tensor<float>::ones({1, 3, 1, 1}), true);
  adaptive_max_pool2d(x, {2, 1}).backward(Tensor<float>::ones({1, 2, 1, 1}));
  require_close(x.grad(), Tensor<float>({1, 3, 1, 1}, {1, 1, 0}), 0);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Variable<float> with_nan(Tensor<float>({1, 3, 1, 1}, {1, nan, 3}));
  CHECK(std::isnan(global_max_pool2d(with_nan).item()));
}
