#include "cnnrnn/ops/pooling.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/pooling.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

// The cases of tests/fixtures/generate/pooling.py.
struct Case {
  std::string name;
  Pool2dOptions options;
};
const std::vector<Case> cases{
    {"halves", {.kernel = 2}},
    {"overlapping", {.kernel = 3, .stride = 2, .padding = 1}},
    {"gaps", {.kernel = 2, .stride = 3}},
    {"oblong", {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}}},
    {"ceil", {.kernel = 3, .stride = 2, .ceil_mode = true}},
    {"ceil_padded", {.kernel = 3, .stride = 3, .padding = 1, .ceil_mode = true}},
    {"one", {.kernel = 1}},
    {"ceil_in_padding", {.kernel = 2, .stride = 3, .padding = 1, .ceil_mode = true}},
    {"ceil_last_row", {.kernel = {2, 3}, .stride = {3, 5}, .padding = 1, .ceil_mode = true}},
    {"ceil_strides", {.kernel = 2, .stride = {3, 4}, .ceil_mode = true}},
    {"ceil_small", {.kernel = {3, 4}, .stride = 2, .ceil_mode = true}},
    {"ceil_even", {.kernel = 2, .stride = 2, .ceil_mode = true}},
    {"padded_start", {.kernel = 4, .stride = 1, .padding = 2}},
};

AvgPool2dOptions average(const Pool2dOptions& o, bool count_include_pad) {
  return {o.kernel, o.stride, o.padding, o.ceil_mode, count_include_pad};
}

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
Tensor<double> reference(const Tensor<double>& x, Index kernel, Index stride, bool largest) {
  const Index oh = (x.dim(1) - kernel) / stride + 1;
  const Index ow = (x.dim(2) - kernel) / stride + 1;
  auto y = Tensor<double>::full({x.dim(0), oh, ow, x.dim(3)}, largest ? -1e9 : 0);
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index i = 0; i < oh * kernel; ++i) {
      for (Index j = 0; j < ow * kernel; ++j) {
        for (Index c = 0; c < x.dim(3); ++c) {
          const double value =
              x(n, i / kernel * stride + i % kernel, j / kernel * stride + j % kernel, c);
          double& to = y.mutable_at(n, i / kernel, j / kernel, c);
          to = largest ? std::max(to, value) : to + value / static_cast<double>(kernel * kernel);
        }
      }
    }
  }
  return y;
}

Op max_op(const Pool2dOptions& options) {
  return [=](const auto& v) { return max_pool2d(v[0], options); };
}

Op avg_op(const AvgPool2dOptions& options) {
  return [=](const auto& v) { return avg_pool2d(v[0], options); };
}

OpCase on(const Shape& shape, const Op& op) { return {to_message(shape), {distinct(shape)}, op}; }

/// Many channels and images against the definition, and many blocks.
std::vector<OpCase> large_cases(bool largest) {
  std::vector<OpCase> all;
  for (const auto& window : {std::pair<Index, Index>{2, 2}, {3, 1}, {2, 3}, {5, 4}}) {
    const auto [kernel, stride] = window;
    all.push_back({to_message("kernel ", kernel, ", stride ", stride),
                   {random_tensor<double>({3, 9, 11, 109}, 1)},
                   largest ? max_op({.kernel = kernel, .stride = stride})
                           : avg_op({.kernel = kernel, .stride = stride}),
                   [=](const Tensors<double>& in) {
                     return reference(in[0], window.first, window.second, largest);
                   },
                   {1e-14, 1e-6},
                   Gradcheck::too_large});
  }
  all.push_back({"many blocks",
                 {random_tensor<double>({5, 17, 13, 21}, 3)},
                 largest ? max_op({.kernel = 3, .stride = 2, .padding = 1})
                         : avg_op({.kernel = 3, .stride = 2, .padding = 1}),
                 {},
                 {},
                 Gradcheck::too_large});
  return all;
}

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

/// What is thrown by both kinds of pooling for the same reasons.
template <class Pool>
std::vector<BadCall> bad_windows(const std::string& name, Pool pool) {
  const auto window = [=](Size2d kernel, Size2d stride, Size2d padding) {
    return [=] { pool(ones({1, 8, 8, 2}), kernel, stride, padding); };
  };
  return {throws<ShapeError>(
              [=] {
                pool(ones({2, 3}), 2, 0, 0);
              },
              name + ": expected x (N, H, W, C), got (2, 3)"),
          throws<ShapeError>(
              [=] {
                pool(ones({1, 1, 4, 2}), 2, 0, 0);
              },
              name + ": expected an image of at least the kernel 2x2, got "
                     "(1, 1, 4, 2) with padding 0x0"),
          throws<ValueError>(window(0, 0, 0), name + ": expected a positive kernel, got 0x0"),
          throws<ValueError>(window(2, {2, -1}, 0),
                             name + ": expected a positive stride, or 0 for the kernel's size, got "
                                    "2x-1"),
          throws<ValueError>(window(3, 0, 2),
                             name + ": expected a padding of 0 to half the kernel 3x3, got 2x2")};
}

}  // namespace

TEST_CASE("max_pool2d") {
  auto all = large_cases(true);
  for (const Case& one : cases) {
    all.push_back(pytorch_case(Fixture("pooling"), one.name + "/max", {"x"}, max_op(one.options)));
    all.push_back(on({2, 5, 7, 3}, max_op(one.options)));
  }
  // Windows side by side leave a rim without gradient, and add to what is there.
  for (const Shape& shape : {Shape{1, 4, 6, 40}, Shape{2, 8, 5, 131}}) {
    all.push_back(on(shape, max_op({})));
    all.push_back(on(shape, [](const auto& v) {
      return std::vector{max_pool2d(v[0]), max_pool2d(v[0], {.kernel = {2, 3}})};
    }));
  }
  all.push_back(on({1, 23, 20, 2}, max_op({.kernel = {20, 17}, .stride = 3})));
  auto bad =
      bad_windows("max_pool2d", [](const auto& x, Size2d kernel, Size2d stride, Size2d padding) {
        max_pool2d(x, {kernel, stride, padding});
      });
  bad.push_back(throws<ValueError>(
      [] {
        max_pool2d(ones({1, 4097, 4097, 0}), {.kernel = 4097});
      },
      "max_pool2d: expected a kernel of at most 16777216 elements, got 4097x4097"));
  check_op("max_pool2d", all, bad);
}

TEST_CASE("avg_pool2d") {
  auto all = large_cases(false);
  for (const Case& one : cases) {
    for (const bool padded : {false, true}) {
      const auto op = avg_op(average(one.options, padded));
      const std::string name = one.name + (padded ? "/avg" : "/avg_inside");
      all.push_back(pytorch_case(Fixture("pooling"), name, {"x"}, op));
      all.push_back(on({2, 5, 7, 3}, op));
    }
  }
  check_op(
      "avg_pool2d", all,
      bad_windows("avg_pool2d", [](const auto& x, Size2d kernel, Size2d stride, Size2d padding) {
        avg_pool2d(x, {kernel, stride, padding});
      }));
}

TEST_CASE("global_avg_pool2d") {
  const Op op = [](const auto& v) { return global_avg_pool2d(v[0]); };
  check_op("global_avg_pool2d",
           {pytorch_case(Fixture("pooling"), "global/avg", {"x"}, op), on({2, 3, 5, 9}, op),
            on({2, 1, 3, 2}, op)},
           {throws<ShapeError>(
               [] {
                 global_avg_pool2d(ones({2, 0, 3, 3}));
               },
               "global_avg_pool2d: expected x (N, H, W, C) with pixels, got (2, 0, "
               "3, 3)")});
}

TEST_CASE("pooling layers") {
  const auto bad_options = [](const std::string& name, auto pool) {
    auto bad = bad_windows(name, pool);
    bad.erase(bad.begin(), bad.begin() + 2);  // those of the image are the op's
    return bad;
  };
  const auto x = distinct({2, 6, 6, 3});
  check_op("MaxPool2d",
           {{"overlapping",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::MaxPool2d<T>({.kernel = 3, .stride = 2, .padding = 1});
             }),
             [](const Tensors<double>& in) {
               return max_pool2d<double>(in[0], {.kernel = 3, .stride = 2, .padding = 1});
             }}},
           bad_options("MaxPool2d", [](const auto&, Size2d kernel, Size2d stride, Size2d padding) {
             nn::MaxPool2d<float>({kernel, stride, padding});
           }));
  check_op("AvgPool2d",
           {{"oblong",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::AvgPool2d<T>({.kernel = {2, 3}, .count_include_pad = false});
             }),
             [](const Tensors<double>& in) {
               return avg_pool2d<double>(in[0], {.kernel = {2, 3}, .count_include_pad = false});
             }}},
           bad_options("AvgPool2d", [](const auto&, Size2d kernel, Size2d stride, Size2d padding) {
             nn::AvgPool2d<float>({kernel, stride, padding});
           }));
  check_op("GlobalAvgPool2d",
           {{"an image",
             {x},
             layer_op([]<class T>(T, Random&) { return nn::GlobalAvgPool2d<T>(); }),
             [](const Tensors<double>& in) { return global_avg_pool2d<double>(in[0]); }}});
}

TEST_CASE("of equals the first gets the gradient") {
  const Variable<float> x(Tensor<float>::ones({1, 2, 2, 1}), true);
  max_pool2d(x).backward();
  require_close(x.grad(), Tensor<float>({1, 2, 2, 1}, {1, 0, 0, 0}), 0);
}

TEST_CASE("the padding never wins, and NaN always does") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const bool requires_grad : {false, true}) {
    const Variable<float> fives(Tensor<float>::full({1, 2, 2, 1}, -5), requires_grad);
    const auto negative = max_pool2d(fives, {.kernel = 2, .stride = 1, .padding = 1});
    require_close(negative.value(), Tensor<float>::full({1, 3, 3, 1}, -5), 0);
    const Variable<float> x(Tensor<float>({1, 2, 4, 1}, {1, nan, 3, 4, 5, 6, 7, 8}), requires_grad);
    const auto y = max_pool2d(x);
    CHECK(std::isnan(y.value()(0, 0, 0, 0)));
    CHECK(y.value()(0, 0, 1, 0) == 8);
    if (requires_grad) {
      y.backward(Tensor<float>::ones(y.shape()));
      CHECK(x.grad()(0, 0, 1, 0) == 1);
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  const Variable<float> lowest(Tensor<float>::full({1, 2, 2, 1}, -infinity), true);
  const auto least = max_pool2d(lowest);
  CHECK(least.item() == -infinity);
  least.backward();
  CHECK(lowest.grad()(0, 0, 0, 0) == 1);
}

TEST_CASE("images without pixels have no windows, whatever their padding") {
  const Variable<float> x = ones({1, 0, 4, 2});
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 2, .padding = 1}), ShapeError);
  CHECK_THROWS_AS(avg_pool2d(x, {.kernel = 2, .padding = 1, .ceil_mode = true}), ShapeError);
}

TEST_CASE("an empty batch pools to an empty batch") {
  CHECK(max_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(avg_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(global_avg_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 3});
}

TEST_CASE("pooling layers describe themselves") {
  const nn::MaxPool2d<float> max_pool({.kernel = 3, .stride = 2, .padding = 1});
  CHECK(nn::MaxPool2d<float>(max_pool).parameter_count() == 0);
  CHECK(max_pool.describe() == "MaxPool2d(kernel 3x3, stride 2x2, padding 1x1)");
  CHECK(nn::MaxPool2d<float>().describe() == "MaxPool2d(kernel 2x2, stride 2x2)");
  CHECK(nn::AvgPool2d<float>({.kernel = {2, 3}, .count_include_pad = false}).describe() ==
        "AvgPool2d(kernel 2x3, stride 2x3, padding not counted)");
  CHECK(nn::GlobalAvgPool2d<float>().describe() == "GlobalAvgPool2d()");
}
