#include "cnnrnn/ops/batch_norm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/core/random.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

struct Statistics {
  Tensor<double> mean, variance;
};

/// By the definition, in long double.
template <class T>
Statistics statistics_of(const Tensor<T>& x) {
  const Index channels = x.dim(-1);
  const Index rows = x.size() / channels;
  Statistics result{Tensor<double>({channels}), Tensor<double>({channels})};
  for (Index c = 0; c < channels; ++c) {
    long double mean = 0;
    long double squares = 0;
    for (Index row = 0; row < rows; ++row) {
      mean += static_cast<long double>(x.data()[row * channels + c]) / rows;
    }
    for (Index row = 0; row < rows; ++row) {
      const long double d = static_cast<long double>(x.data()[row * channels + c]) - mean;
      squares += d * d / rows;
    }
    result.mean.mutable_at(c) = static_cast<double>(mean);
    result.variance.mutable_at(c) = static_cast<double>(squares);
  }
  return result;
}

/// Mean and variance as batch_norm finds them: what the running statistics become at momentum 1.
template <class T>
RunningStatistics<T> found(const Tensor<T>& x) {
  const Shape channels{x.dim(-1)};
  RunningStatistics<T> running{Tensor<T>::full(channels, -3), Tensor<T>::full(channels, -3)};
  batch_norm<T>(x, {}, {}, running, {.momentum = 1});
  return running;
}

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

}  // namespace

TEST_CASE("batch norm finds mean and variance of any size") {
  for (const auto& [rows, channels] : std::vector<std::array<Index, 2>>{
           {2, 1}, {3, 5}, {65, 16}, {1000, 3}, {4099, 8}, {300, 64}, {129, 65}, {70, 201}}) {
    CAPTURE(rows, channels);
    const auto x = random_tensor<double>({rows, channels}, 1);
    const auto expected = statistics_of(x);
    const auto got = found(x);
    require_close(got.mean, expected.mean, 1e-13);
    auto unbiased = expected.variance;
    for (double& value : unbiased.mutable_span()) {
      value *= static_cast<double>(rows) / static_cast<double>(rows - 1);
    }
    require_close(got.variance, unbiased, 1e-13);
  }
}

TEST_CASE("a mean a thousand times the deviation costs no digits of the variance") {
  Tensor<float> x({20000, 3});
  Random random(1);
  for (float& value : x.mutable_span()) {
    value = static_cast<float>(random.normal(3000, 1));
  }
  const auto expected = statistics_of(x);
  const auto got = found(x);
  for (Index c = 0; c < 3; ++c) {
    CHECK(static_cast<double>(got.mean(c)) == Approx(expected.mean(c)).epsilon(1e-7));
    CHECK(static_cast<double>(got.variance(c)) ==
          Approx(expected.variance(c) * 20000 / 19999).epsilon(1e-5));
  }
}

TEST_CASE("an outlier in the first row costs few") {
  auto x = random_tensor<float>({20000, 2}, 2);
  x.mutable_at(0, 0) = 1e6F;
  const auto expected = statistics_of(x);
  CHECK(static_cast<double>(found(x).variance(0)) ==
        Approx(expected.variance(0) * 20000 / 19999).epsilon(5e-5));
}

TEST_CASE("a constant channel has variance 0 and gives beta") {
  const auto x = Tensor<float>::full({1000, 5}, 0.1F);
  const auto got = found(x);
  require_close(got.variance, Tensor<float>::zeros({5}), 1e-12);
  const auto y = batch_norm<float>(x, ones({5}), Tensor<float>::full({5}, 2));
  require_close(y.value(), Tensor<float>::full({1000, 5}, 2), 1e-4);
}

TEST_CASE("batch norm has the gradients of its values, in training") {
  for (const Shape& shape : {Shape{2, 1}, Shape{5, 19}, Shape{2, 3, 4}, Shape{2, 3, 2, 9}}) {
    CAPTURE(shape);
    const Shape channels{shape[-1]};
    const std::vector<Tensor<double>> inputs{random_tensor<double>(shape, 1),
                                             random_tensor<double>(channels, 2),
                                             random_tensor<double>(channels, 3)};
    const auto result = gradcheck(
        [](const auto& v) {
          return std::vector{batch_norm(v[0], v[1], v[2], {}, {.epsilon = 0.1})};
        },
        inputs);
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("batch norm has the gradients of its values, without gamma and beta") {
  const auto result =
      gradcheck([](const auto& v) { return std::vector{batch_norm<double>(v[0], {}, {})}; },
                {random_tensor<double>({3, 4, 5}, 1)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("batch norm has the gradients of its values, in evaluation") {
  const RunningStatistics<double> running{random_tensor<double>({5}, 4),
                                          Tensor<double>({5}, {0.5, 1, 2, 0.1, 3})};
  const auto result = gradcheck(
      [&](const auto& v) {
        return std::vector{batch_norm(v[0], v[1], v[2], running, {.training = false})};
      },
      {random_tensor<double>({3, 5}, 1), random_tensor<double>({5}, 2),
       random_tensor<double>({5}, 3)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("batch norm gives the same bits for any number of threads") {
  const Variable<float> x(random_tensor<float>({7, 31, 29, 70}, 1), true);
  const Variable<float> gamma(random_tensor<float>({70}, 2), true);
  const Variable<float> beta(random_tensor<float>({70}, 3), true);
  const auto dy = random_tensor<float>(x.shape(), 4);
  const auto run = [&](int threads) {
    set_threads(threads);
    for (const auto& leaf : {x, gamma, beta}) {
      leaf.edge().gradient() = {};
    }
    const auto y = batch_norm(x, gamma, beta);
    y.backward(dy);
    set_threads(0);
    return std::vector{y.value(), x.grad(), gamma.grad(), beta.grad()};
  };
  const auto expected = run(1);
  for (const int threads : {2, 3}) {
    const auto got = run(threads);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(std::equal(got[i].span().begin(), got[i].span().end(), expected[i].span().begin()));
    }
  }
}

TEST_CASE("evaluation leaves the running statistics alone and takes a batch of one") {
  const RunningStatistics<float> running{Tensor<float>({2}, {1, 2}), Tensor<float>({2}, {4, 9})};
  const auto y = batch_norm<float>(Tensor<float>({1, 2}, {3, 8}), {}, {}, running,
                                   {.training = false, .epsilon = 0});
  require_close(y.value(), Tensor<float>({1, 2}, {1, 2}), 1e-6);
  require_close(running.mean, Tensor<float>({2}, {1, 2}), 0);
  require_close(running.variance, Tensor<float>({2}, {4, 9}), 0);
}

TEST_CASE("batch norm says what it expected and what came") {
  CHECK_THROWS_WITH((batch_norm<float>(ones({3}), {}, {})),
                    "batch_norm: expected x (N, ..., C), got (3,)");
  CHECK_THROWS_WITH(batch_norm(ones({2, 3}), ones({4}), ones({3})),
                    "batch_norm: expected a weight of shape (3,), got (4,)");
  CHECK_THROWS_WITH(batch_norm(ones({2, 3}), ones({3}), ones({3, 1})), Contains("got (3, 1)"));
  CHECK_THROWS_WITH((batch_norm<float>(ones({1, 3}), {}, {})),
                    "batch_norm: expected more than one value per channel in training, got (1, 3)");
  CHECK_THROWS_AS((batch_norm<float>(ones({0, 3}), {}, {})), ShapeError);
  CHECK_THROWS_AS((batch_norm<float>(ones({2, 3}), {}, {}, {}, {.training = false})), ValueError);
  CHECK_THROWS_WITH((batch_norm<float>(ones({2, 3}), {}, {}, {Tensor<float>({2}), {}})),
                    Contains("a running mean of shape (3,), got (2,)"));
}
