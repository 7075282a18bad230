#include "cnnrnn/ops/pooling.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

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
};

AvgPool2dOptions average(const Pool2dOptions& o, bool count_include_pad) {
  return {o.kernel, o.stride, o.padding, o.ceil_mode, count_include_pad};
}

template <class T, class Layer>
void compare(const Fixture& fixture, const std::string& name, const std::string& kind,
             double tolerance, const Layer& layer) {
  CAPTURE(name, kind);
  const Variable<T> x(fixture.get<T>(name + "/x"), true);
  const auto y = layer(x);
  require_close(y.value(), fixture.get<T>(name + "/" + kind + "_y"), tolerance);
  y.backward(fixture.get<T>(name + "/dy"));
  require_close(x.grad(), fixture.get<T>(name + "/" + kind + "_dx"), tolerance);
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("pooling");
  for (const Case& one : cases) {
    const auto& name = one.name;
    const auto& options = one.options;
    compare<T>(fixture, name, "max", tolerance,
               [&](const auto& x) { return max_pool2d(x, options); });
    compare<T>(fixture, name, "avg", tolerance,
               [&](const auto& x) { return avg_pool2d(x, average(options, true)); });
    compare<T>(fixture, name, "avg_inside", tolerance,
               [&](const auto& x) { return avg_pool2d(x, average(options, false)); });
  }
  compare<T>(fixture, "global", "avg", tolerance,
             [](const auto& x) { return global_avg_pool2d(x); });
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

void check_gradients(const GradcheckFunction& function, const Shape& x) {
  const auto result = gradcheck(function, {distinct(x)});
  INFO(result.log);
  CHECK(result);
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

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

}  // namespace

TEST_CASE("pooling agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("pooling is what its definition says, for many channels and images") {
  const auto x = random_tensor<double>({3, 9, 11, 77}, 1);
  for (const auto& [kernel, stride] : {std::pair<Index, Index>{2, 2}, {3, 1}, {2, 3}, {5, 4}}) {
    CAPTURE(kernel, stride);
    require_close(max_pool2d<double>(x, {.kernel = kernel, .stride = stride}).value(),
                  reference(x, kernel, stride, true), 0);
    require_close(avg_pool2d<double>(x, {.kernel = kernel, .stride = stride}).value(),
                  reference(x, kernel, stride, false), 1e-14);
  }
}

TEST_CASE("pooling has the gradients of its values") {
  for (const Case& one : cases) {
    const auto& options = one.options;
    CAPTURE(one.name);
    const Shape shape{2, 5, 7, 3};
    check_gradients([&](const auto& v) { return std::vector{max_pool2d(v[0], options)}; }, shape);
    for (const bool padded : {false, true}) {
      check_gradients(
          [&](const auto& v) { return std::vector{avg_pool2d(v[0], average(options, padded))}; },
          shape);
    }
  }
  check_gradients([](const auto& v) { return std::vector{global_avg_pool2d(v[0])}; }, {2, 3, 5, 9});
}

TEST_CASE("windows side by side leave a rim without gradient, and add to what is there") {
  for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 4, 6, 40}, Shape{2, 8, 5, 131}}) {
    CAPTURE(shape);
    check_gradients([](const auto& v) { return std::vector{max_pool2d(v[0])}; }, shape);
    check_gradients(
        [](const auto& v) {
          return std::vector{max_pool2d(v[0]), max_pool2d(v[0], {.kernel = {2, 3}})};
        },
        shape);
  }
}

TEST_CASE("a window may be large") {
  const Pool2dOptions options{.kernel = {20, 17}, .stride = 3};
  check_gradients([&](const auto& v) { return std::vector{max_pool2d(v[0], options)}; },
                  {1, 23, 20, 2});
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
  }
  const float infinity = std::numeric_limits<float>::infinity();
  const Variable<float> lowest(Tensor<float>::full({1, 2, 2, 1}, -infinity), true);
  const auto least = max_pool2d(lowest);
  CHECK(least.item() == -infinity);
  least.backward();
  CHECK(lowest.grad()(0, 0, 0, 0) == 1);
}

TEST_CASE("pooling gives the same bits for any number of threads") {
  const Variable<float> x(random_tensor<float>({5, 17, 13, 21}, 3), true);
  const Pool2dOptions options{.kernel = 3, .stride = 2, .padding = 1};
  const auto gradient = [&](int threads) {
    set_threads(threads);
    x.edge().gradient() = {};
    const auto y = max_pool2d(x, options);
    y.backward(Tensor<float>(y.shape(), y.value().span()));
    const auto z = avg_pool2d(x, average(options, true));
    z.backward(Tensor<float>(z.shape(), z.value().span()));
    set_threads(0);
    return x.grad();
  };
  const auto expected = gradient(1);
  require_close(gradient(2), expected, 0);
  require_close(gradient(3), expected, 0);
}

TEST_CASE("an empty batch pools to an empty batch") {
  CHECK(max_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(avg_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(global_avg_pool2d(ones({0, 4, 4, 3})).shape() == Shape{0, 3});
}

TEST_CASE("pooling says what it expected and what came") {
  CHECK_THROWS_WITH(max_pool2d(ones({2, 3})), "max_pool2d: expected x (N, H, W, C), got (2, 3)");
  CHECK_THROWS_WITH(avg_pool2d(ones({1, 1, 4, 2})),
                    Contains("avg_pool2d: expected an image of at least the kernel 2x2, got "
                             "(1, 1, 4, 2)"));
  CHECK_THROWS_WITH(global_avg_pool2d(ones({2, 0, 3, 3})), Contains("got (2, 0, 3, 3)"));
  CHECK_THROWS_WITH(nn::MaxPool2d<float>({.kernel = 0}),
                    "MaxPool2d: expected a positive kernel, got 0x0");
  CHECK_THROWS_WITH(nn::MaxPool2d<float>({.kernel = 2, .stride = {2, -1}}), Contains("got 2x-1"));
  CHECK_THROWS_WITH(nn::AvgPool2d<float>({.kernel = 3, .padding = 2}),
                    "AvgPool2d: expected a padding of 0 to half the kernel 3x3, got 2x2");
}

TEST_CASE("pooling layers do what the operations do, and describe themselves") {
  const auto x = ones({2, 6, 6, 3});
  nn::MaxPool2d<float> max_pool({.kernel = 3, .stride = 2, .padding = 1});
  nn::AvgPool2d<float> avg_pool({.kernel = {2, 3}, .count_include_pad = false});
  nn::GlobalAvgPool2d<float> global;
  CHECK(max_pool(x).shape() == Shape{2, 3, 3, 3});
  CHECK(avg_pool(x).shape() == Shape{2, 3, 2, 3});
  CHECK(global(x).shape() == Shape{2, 3});
  CHECK(max_pool.parameter_count() == 0);
  CHECK(max_pool.describe() == "MaxPool2d(kernel 3x3, stride 2x2, padding 1x1)");
  CHECK(nn::MaxPool2d<float>().describe() == "MaxPool2d(kernel 2x2, stride 2x2)");
  CHECK(avg_pool.describe() == "AvgPool2d(kernel 2x3, stride 2x3, padding not counted)");
  CHECK(global.describe() == "GlobalAvgPool2d()");
}
