#include "cnnrnn/ops/conv2d.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

struct Case {
  Shape x;
  Shape weight;
  Convolution options;
};

/// Odd sizes on purpose: rims of every tile, strides that do not divide, padding beyond the kernel.
const std::vector<Case> cases{
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
};

template <class T>
Tensor<T> reference(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                    const Convolution& o, const Shape& shape) {
  Tensor<T> y(shape);
  const Index inner = weight.dim(1);
  const Index group_outputs = weight.dim(0) / o.groups;
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index p = 0; p < shape[1]; ++p) {
      for (Index q = 0; q < shape[2]; ++q) {
        for (Index out = 0; out < shape[3]; ++out) {
          double sum = static_cast<double>(bias(out));
          for (Index i = 0; i < weight.dim(2); ++i) {
            for (Index j = 0; j < weight.dim(3); ++j) {
              const Index row = p * o.stride.h + i * o.dilation.h - o.padding.h;
              const Index column = q * o.stride.w + j * o.dilation.w - o.padding.w;
              if (row < 0 || row >= x.dim(1) || column < 0 || column >= x.dim(2)) {
                continue;
              }
              for (Index c = 0; c < inner; ++c) {
                sum += static_cast<double>(x(n, row, column, out / group_outputs * inner + c)) *
                       static_cast<double>(weight(out, c, i, j));
              }
            }
          }
          y.mutable_at(n, p, q, out) = static_cast<T>(sum);
        }
      }
    }
  }
  return y;
}

template <class T>
void compare_values(const Case& c, double tolerance) {
  const auto x = random_tensor<T>(c.x, 1);
  const auto weight = random_tensor<T>(c.weight, 2);
  const auto bias = random_tensor<T>({c.weight[0]}, 3);
  const auto y = conv2d(Variable<T>(x), Variable<T>(weight), Variable<T>(bias), c.options);
  CAPTURE(to_message(c.x, c.weight, y.shape()));
  require_close(y.value(), reference(x, weight, bias, c.options, y.shape()), tolerance);
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("conv2d");
  for (const std::string name : {"plain", "stride", "dilated", "grouped", "uneven"}) {
    CAPTURE(name);
    const auto option = [&](const std::string& key) {
      const auto sizes = fixture.get<Index>(name + "/" + key);
      return Size2d{sizes(0), sizes(1)};
    };
    const Convolution options{option("stride"), option("padding"), option("dilation"),
                              fixture.get<Index>(name + "/groups")(0)};
    const Variable<T> x(fixture.get<T>(name + "/x"), true);
    const Variable<T> weight(fixture.get<T>(name + "/weight"), true);
    const Variable<T> bias(fixture.get<T>(name + "/bias"), true);
    const auto y = conv2d(x, weight, bias, options);
    require_close(y.value(), fixture.get<T>(name + "/y"), tolerance);
    y.backward(fixture.get<T>(name + "/dy"));
    require_close(x.grad(), fixture.get<T>(name + "/dx"), tolerance);
    require_close(weight.grad(), fixture.get<T>(name + "/dweight"), tolerance);
    require_close(bias.grad(), fixture.get<T>(name + "/dbias"), tolerance);
  }
}

}  // namespace

TEST_CASE("conv2d equals the sums in double") {
  for (const Case& c : cases) {
    compare_values<float>(c, 1e-5);
    compare_values<double>(c, 1e-13);
  }
}

TEST_CASE("conv2d agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("conv2d has the gradients of its values") {
  for (const Case& c : cases) {
    const auto result =
        gradcheck([&](const auto& v) { return std::vector{conv2d(v[0], v[1], v[2], c.options)}; },
                  {random_tensor<double>(c.x, 1), random_tensor<double>(c.weight, 2),
                   random_tensor<double>({c.weight[0]}, 3)});
    INFO(result.log);
    CHECK(result);
  }
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

TEST_CASE("conv2d says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({1, 4, 4, 3}));
  const auto weight = [](const Shape& shape) {
    return Variable<float>(Tensor<float>::ones(shape));
  };
  CHECK_THROWS_WITH(conv2d(x, weight({2, 4, 3, 3})),
                    "conv2d: expected input channels 4, got (1, 4, 4, 3)");
  CHECK_THROWS_WITH(conv2d(weight({4, 4}), weight({2, 4, 3, 3})), Contains("(N, H, W, C)"));
  CHECK_THROWS_WITH(conv2d(x, weight({2, 3, 3})), Contains("(O, C / groups, KH, KW)"));
  CHECK_THROWS_WITH(conv2d(x, weight({2, 3, 5, 5})), Contains("at least 5x5"));
  CHECK_THROWS_WITH(conv2d(x, weight({2, 3, 3, 3}), weight({3})), Contains("bias of shape (2,)"));
  CHECK_THROWS_WITH(conv2d(x, weight({2, 1, 3, 3}), {}, {.groups = 3}),
                    Contains("divisible by 3 groups"));
  CHECK_THROWS_AS(conv2d(x, weight({2, 3, 3, 3}), {}, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(conv2d(x, weight({2, 3, 3, 3}), {}, {.padding = -1}), ValueError);
  CHECK_THROWS_AS(conv2d(x, weight({2, 3, 3, 3}), {}, {.dilation = 0}), ValueError);
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
  CHECK_THROWS_WITH((nn::Conv2d<float>(3, 6, {.groups = 2}, random)), Contains("2 groups, got 3"));
  CHECK_THROWS_WITH((nn::Conv2d<float>(3, 6, {.kernel = 0}, random)), Contains("got 0x0"));
  CHECK_THROWS_WITH(
      (nn::Conv2d<float>(3, 6, {.stride = 2, .algorithm = ConvAlgorithm::winograd}, random)),
      Contains("Winograd's algorithm, got Conv2d(3, 6, kernel 3x3, stride 2x2"));
}
