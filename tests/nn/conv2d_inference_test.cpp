// What a convolution does outside training: weights packed once, a batch norm folded into them.
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "support/activate.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/own_thread.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

using namespace cnnrnn;

namespace {

// Enough for Winograd's algorithm, and divisible by the groups.
constexpr Index channels = 10;
constexpr Index outputs = 18;

/// A convolution and a batch norm that has seen two batches and learned a weight and a bias.
struct Pair {
  Pair(const nn::Conv2dOptions& options, std::uint64_t seed)
      : random(seed), convolution(channels, outputs, options, random), norm(outputs) {
    for (auto& [path, parameter] : norm.named_parameters()) {
      parameter.mutable_value().copy_from(random_tensor<double>({outputs}, seed + 5));
    }
    for (const std::uint64_t batch : {1U, 2U}) {
      norm(convolution(Variable<double>(random_tensor<double>({3, 8, 8, channels}, batch))));
    }
    convolution.eval();
    norm.eval();
  }

  Random random;
  nn::Conv2d<double> convolution;
  nn::BatchNorm2d<double> norm;
};

const std::vector<nn::Conv2dOptions> kinds{
    {.padding = 1}, {.padding = 1, .bias = false}, {.stride = 2}, {.kernel = 1, .groups = 2}};

Variable<double> images(const Shape& shape) {
  return Variable<double>(random_tensor<double>(shape, 7));
}

}  // namespace

TEST_CASE("a folded batch norm equals the one behind the convolution") {
  for (const auto& options : kinds) {
    Pair pair(options, 3);
    for (const Index batch : {1, 40}) {
      const auto x = images({batch, 9, 8, channels});
      const auto plain = pair.norm(pair.convolution(x));  // recorded: neither packed nor folded
      const auto shortcut = Variable<double>(random_tensor<double>(plain.shape(), 8));
      const NoGradGuard no_grad;
      require_close(pair.convolution.norm(x, pair.norm).value(), plain.value(), 1e-12);
      require_close(pair.convolution.norm_relu(x, pair.norm).value(), relu(plain).value(), 1e-12);
      require_close(pair.convolution.norm_add(x, pair.norm, shortcut).value(),
                    (plain + shortcut).value(), 1e-12);
      require_close(pair.convolution.norm_add_relu(x, pair.norm, shortcut).value(),
                    relu(plain + shortcut).value(), 1e-12);
    }
  }
}

TEST_CASE("a folded batch norm may have any activation behind it, and a shortcut beside it") {
  // By Winograd's algorithm, directly, as a product, depthwise or from pieces.
  for (const auto& options : std::vector<nn::Conv2dOptions>{
           {.padding = 1}, {.stride = 2}, {.kernel = 1}, {.kernel = 5}, {.groups = 2}}) {
    Pair pair(options, 9);
    for (const Activation activation : activations) {
      CAPTURE(options.kernel.h, static_cast<int>(activation));
      const auto x = images({3, 9, 8, channels});
      const auto plain = pair.norm(pair.convolution(x));
      const auto shortcut = Variable<double>(random_tensor<double>(plain.shape(), 8));
      const NoGradGuard no_grad;
      require_close(pair.convolution.norm_activated(x, pair.norm, activation).value(),
                    activate(plain, activation).value(), 1e-12);
      require_close(pair.convolution.norm_add_activated(x, pair.norm, shortcut, activation).value(),
                    activate(plain + shortcut, activation).value(), 1e-12);
    }
  }
}

TEST_CASE("a convolution in training may have any activation behind its batch norm") {
  for (const Activation activation : activations) {
    CAPTURE(static_cast<int>(activation));
    Pair pair({.padding = 1}, 9);
    pair.norm.train();
    const auto x = images({3, 9, 8, channels});
    const auto plain = pair.norm(pair.convolution(x));
    const auto shortcut = Variable<double>(random_tensor<double>(plain.shape(), 8));
    require_close(pair.convolution.norm_activated(x, pair.norm, activation).value(),
                  activate(plain, activation).value(), 1e-12);
    require_close(pair.convolution.norm_add_activated(x, pair.norm, shortcut, activation).value(),
                  activate(plain + shortcut, activation).value(), 1e-12);
  }
}

TEST_CASE("Sequential folds batch norms and ReLUs outside training") {
  for (const auto& options : kinds) {
    Pair pair(options, 4);
    nn::Sequential<double> layers(pair.convolution, pair.norm, nn::Relu<double>(),
                                  nn::MaxPool2d<double>());
    nn::Sequential<double> no_relu(pair.convolution, pair.norm);
    nn::Sequential<double> no_norm(pair.convolution, nn::Relu<double>());
    const auto x = images({2, 9, 8, channels});
    for (auto* network : {&layers, &no_relu, &no_norm}) {
      network->eval();
      const auto plain = (*network)(x);
      const NoGradGuard no_grad;
      require_close((*network)(x).value(), plain.value(), 1e-12);
    }
  }
}

TEST_CASE("a packed convolution rectifies and pools as the single ops do") {
  // Sizes that windows and tiles divide and do not, few tiles, few channels, any algorithm.
  struct Case {
    Shape x;
    Index outputs;
    Convolution options;
  };
  const auto check = [](auto zero) {
    using T = decltype(zero);
    for (const Case& c :
         {Case{{1, 8, 8, 10}, 70, {.padding = 1}}, Case{{2, 9, 7, 9}, 18, {}},
          Case{{40, 10, 5, 16}, 16, {.padding = 1}}, Case{{1, 2, 3, 7}, 5, {.padding = 1}},
          Case{{2, 9, 8, 3}, 9, {}}, Case{{2, 9, 9, 10}, 9, {.stride = 2}}}) {
      CAPTURE(to_message(c.x, c.outputs));
      auto x = random_tensor<T>(c.x, 1);
      x.mutable_data()[x.size() / 2] = std::numeric_limits<T>::quiet_NaN();
      const auto weight = random_tensor<T>({c.outputs, c.x[3], 3, 3}, 2);
      const auto bias = random_tensor<T>({c.outputs}, 3);
      const PackedConvolution<T> packed(c.x, weight, bias, {}, {}, c.options);
      const auto expected = max_pool2d(Variable<T>(packed(x, true))).value();
      const auto y = packed.relu_pool(x);
      REQUIRE(y.shape() == expected.shape());
      CHECK(same_bytes(y, expected));
    }
  };
  check(1.0F);
  check(1.0);
}

TEST_CASE("packed weights follow what they were made of") {
  Pair pair({.padding = 1}, 5);
  const auto x = images({2, 6, 6, channels});
  const auto outcome = [&] {
    const NoGradGuard no_grad;
    return pair.convolution.norm_relu(x, pair.norm).value();
  };
  const auto plain = [&] { return relu(pair.norm(pair.convolution(x))).value(); };
  require_close(outcome(), plain(), 1e-12);

  for (auto& [path, parameter] : pair.convolution.named_parameters()) {
    parameter.mutable_value().mutable_data()[1] += 0.5;
    require_close(outcome(), plain(), 1e-12);
  }
  for (auto& [path, parameter] : pair.norm.named_parameters()) {
    parameter.mutable_value().mutable_data()[2] += 0.5;
    require_close(outcome(), plain(), 1e-12);
  }
  pair.norm.train();
  pair.norm(pair.convolution(x));
  pair.norm.eval();
  require_close(outcome(), plain(), 1e-12);
}

TEST_CASE("results outside training do not depend on the sizes of images that came before") {
  const auto run = [](std::initializer_list<Index> sizes) {
    Random random(1);
    nn::Conv2d<float> layer(32, 32, {.kernel = 5, .padding = 2}, random);
    layer.eval();
    const NoGradGuard no_grad;
    Tensor<float> y;
    for (const Index size : sizes) {
      y = layer(Variable<float>(random_tensor<float>({1, size, size, 32}, 2))).value();
    }
    return y;
  };
  CHECK(same_bytes(run({4, 16}), run({16})));
  CHECK(same_bytes(run({16, 4}), run({4})));
}

TEST_CASE("packed weights go when training goes on") {
  const auto in_use = [] { return CachingAllocator::instance().statistics().bytes_in_use; };
  Pair pair({.padding = 1}, 8);
  const auto x = images({2, 8, 8, channels});
  const auto before = in_use();
  on_own_thread([&] {
    const NoGradGuard no_grad;
    pair.convolution(x);
  });
  CHECK(in_use() > before);
  pair.convolution.train();
  on_own_thread([&] { pair.convolution(x); });
  CHECK(in_use() == before);
}

TEST_CASE("a shortcut that is not there is an error, in training and outside it") {
  Pair pair({.padding = 1}, 7);
  const auto x = images({1, 6, 6, channels});
  const std::string message = "Conv2d: expected a shortcut, got an undefined one";
  CHECK_THROWS_WITH(pair.convolution.norm_add(x, pair.norm, {}), message);
  CHECK_THROWS_WITH(pair.convolution.norm_add_relu(x, pair.norm, {}), message);
  const NoGradGuard no_grad;
  CHECK_THROWS_WITH(pair.convolution.norm_add(x, pair.norm, {}), message);
  CHECK_THROWS_WITH(pair.convolution.norm_add_relu(x, pair.norm, {}), message);
}

TEST_CASE("threads may share a convolution outside training") {
  Pair pair({.padding = 1}, 6);
  const auto x = images({1, 8, 8, channels});
  const auto expected = relu(pair.norm(pair.convolution(x))).value();
  std::vector<Tensor<double>> results(8);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      const NoGradGuard no_grad;
      result = pair.convolution.norm_relu(x, pair.norm).value();
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  for (const auto& result : results) {
    require_close(result, expected, 1e-12);
  }
}

TEST_CASE("a packed convolution says what it expected and what came") {
  const auto ones = [](const Shape& shape) { return Tensor<float>::ones(shape); };
  const Tensor<float> none;
  const PackedConvolution<float> packed({1, 4, 4, 3}, ones({2, 3, 3, 3}), none, none, none, {});
  CHECK_THROWS_WITH(packed(ones({1, 4, 4, 5}), false),
                    "conv2d: expected input channels 3, got (1, 4, 4, 5)");
  CHECK_THROWS_WITH(
      packed(ones({1, 4, 4, 3}), false, ones({1, 4, 4, 2})),
      "packed convolution: expected a residual of shape (1, 2, 2, 2), got (1, 4, 4, 2)");
  CHECK_THROWS_WITH(
      packed.relu_pool(ones({1, 3, 4, 3})),
      "max_pool2d: expected an image of at least the kernel 2x2, got (1, 1, 2, 2) with "
      "padding 0x0");
  CHECK_THROWS_WITH(
      PackedConvolution<float>({1, 4, 4, 3}, ones({2, 3, 3, 3}), none, ones({3}), ones({2}), {}),
      "packed convolution: expected a scale and a shift of shape (2,), got (3,) and (2,)");
}
