// The errors of the fast paths in float against the same computation in double, as docs/numerics.md
// has them (`--success` prints them), and what extreme inputs do. A bound is at most some four
// times the largest error of five seeds.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/kernels/gemm.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/ops/gru.hpp"
#include "cnnrnn/ops/lstm.hpp"
#include "cnnrnn/ops/rnn.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The same numbers in both types, those of a float.
template <class T>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed, double scale = 1, double mean = 0) {
  Random random(seed);
  Tensor<T> result(shape);
  for (T& value : result.mutable_span()) {
    value = static_cast<T>(static_cast<float>(random.normal(mean, scale)));
  }
  return result;
}

/// The largest difference, as a share of the largest value.
double error_of(const Tensor<float>& got, const Tensor<double>& exact) {
  double worst = 0;
  double largest = 0;
  for (Index i = 0; i < exact.size(); ++i) {
    const double error = std::abs(static_cast<double>(got.data()[i]) - exact.data()[i]);
    worst = std::max(worst, std::isnan(error) ? infinity : error);
    largest = std::max(largest, std::abs(exact.data()[i]));
  }
  return worst / largest;
}

void check_error(const std::string& what, const Tensor<float>& got, const Tensor<double>& exact,
                 double bound) {
  const double error = error_of(got, exact);
  CAPTURE(what);
  CHECK(error < bound);
}

/// The nearest number with the 11 bits of a half.
float in_half(float value) {
  int exponent = 0;
  const float mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(mantissa * 2048) / 2048, exponent);
}

template <class T>
bool all_finite(const Tensor<T>& tensor) {
  return std::ranges::all_of(tensor.span(), [](T value) { return std::isfinite(value); });
}

/// y, dx and dw of a convolution.
template <class T>
std::array<Tensor<T>, 3> convolution(Index channels, Index outputs, ConvAlgorithm algorithm) {
  const Variable<T> x(numbers<T>({4, 32, 32, channels}, 1), true);
  const Variable<T> weight(numbers<T>({outputs, channels, 3, 3}, 2), true);
  const auto y = conv2d(x, weight, {}, {.padding = 1, .algorithm = algorithm});
  y.backward(numbers<T>(y.shape(), 3));
  return {y.value(), x.grad(), weight.grad()};
}

template <class T>
Tensor<T> product(Index m, Index n, Index k) {
  const auto a = numbers<T>({m, k}, 1);
  const auto b = numbers<T>({k, n}, 2);
  Tensor<T> c({m, n});
  kernels::gemm<T>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, {c.mutable_data(), n});
  return c;
}

/// The same product as a sum of halves.
Tensor<float> product_in_half(Index m, Index n, Index k) {
  const auto a = numbers<float>({m, k}, 1);
  const auto b = numbers<float>({k, n}, 2);
  auto c = Tensor<float>::zeros({m, n});
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      float& sum = c.mutable_data()[i * n + j];
      for (Index l = 0; l < k; ++l) {
        sum = in_half(sum + a.data()[i * k + l] * b.data()[l * n + j]);
      }
    }
  }
  return c;
}

enum class Cell { lstm, gru, rnn };

/// y, and the gradients of x and of the input weights, for 5 sequences of 8 steps.
template <class T>
std::array<Tensor<T>, 3> recurrence(Cell cell, double scale) {
  const Index features = 37;
  const Index units = 24;
  const Index gates = cell == Cell::lstm ? 4 : (cell == Cell::gru ? 3 : 1);
  const auto weight = [&](const Shape& shape, std::uint64_t seed) {
    return Variable<T>(numbers<T>(shape, seed, 0.2), true);
  };
  RecurrentWeights<T> weights;
  weights.weight_ih = weight({gates * units, features}, 1);
  weights.weight_hh = weight({gates * units, units}, 2);
  weights.bias_ih = weight({gates * units}, 3);
  weights.bias_hh = weight({gates * units}, 4);
  const Variable<T> x(numbers<T>({5, 8, features}, 5, scale), true);
  const auto y = cell == Cell::lstm  ? lstm<T>(x, {{weights}}).y
                 : cell == Cell::gru ? gru<T>(x, {{weights}}).y
                                     : rnn<T>(x, {{weights}}).y;
  y.backward(numbers<T>(y.shape(), 6));
  return {y.value(), x.grad(), weights.weight_ih.grad()};
}

/// Weights after 100 steps of Adam along gradients of very different sizes.
template <class T>
Tensor<T> adam_steps() {
  Variable<T> weight(numbers<T>({1000}, 1), true);
  optim::Adam<T> adam(std::vector<Variable<T>>{weight});
  for (std::uint64_t step = 0; step < 100; ++step) {
    weight.set_grad(numbers<T>({1000}, 2 + step, std::pow(10, -static_cast<double>(step % 7))));
    adam.step();
  }
  return weight.value();
}

RunningStatistics<float> float_statistics(const Tensor<float>& x) {
  const Index channels = x.dim(-1);
  RunningStatistics<float> running{Tensor<float>::zeros({channels}),
                                   Tensor<float>::ones({channels})};
  batch_norm<float>(x, {}, {}, running, {.training = true, .momentum = 1});
  return running;
}

/// Mean and unbiased variance of each channel, in double.
RunningStatistics<double> exact_statistics(const Tensor<float>& x) {
  const Index channels = x.dim(-1);
  const Index rows = x.size() / channels;
  RunningStatistics<double> result{Tensor<double>::zeros({channels}),
                                   Tensor<double>::zeros({channels})};
  for (Index c = 0; c < channels; ++c) {
    const auto value = [&](Index r) { return static_cast<double>(x.data()[r * channels + c]); };
    double mean = 0;
    for (Index r = 0; r < rows; ++r) {
      mean += value(r) / static_cast<double>(rows);
    }
    double squares = 0;
    for (Index r = 0; r < rows; ++r) {
      squares += (value(r) - mean) * (value(r) - mean);
    }
    result.mean.mutable_at(c) = mean;
    result.variance.mutable_at(c) = squares / static_cast<double>(rows - 1);
  }
  return result;
}

void check_statistics(const std::string& what, double mean, double deviation, double mean_bound,
                      double variance_bound) {
  const auto x = numbers<float>({30000, 8}, 1, deviation, mean);
  const auto got = float_statistics(x);
  const auto exact = exact_statistics(x);
  check_error(what + ", mean", got.mean, exact.mean, mean_bound);
  check_error(what + ", variance", got.variance, exact.variance, variance_bound);
}

}  // namespace

TEST_CASE("an error above its bound is noticed: one value, a NaN, sums in half precision") {
  const double bound = 1e-6;
  const auto exact = product<double>(8, 8, 64);
  const auto got = product<float>(8, 8, 64);
  REQUIRE(error_of(got, exact) < bound);
  const auto largest = std::abs(
      *std::ranges::max_element(exact.span(), {}, [](double value) { return std::abs(value); }));
  for (const Index place : {0, 63}) {
    auto wrong = got.clone();
    wrong.mutable_data()[place] += static_cast<float>(2.5 * bound * largest);
    CHECK_FALSE(error_of(wrong, exact) < bound);
    wrong.mutable_data()[place] = static_cast<float>(std::nan(""));
    CHECK_FALSE(error_of(wrong, exact) < bound);
  }
  CHECK_FALSE(error_of(product_in_half(8, 8, 64), exact) < 100 * bound);
}

TEST_CASE("errors of convolutions") {
  struct Bounds {
    Index channels;
    std::array<double, 3> direct, winograd;
  };
  const std::array<std::string, 3> directions{"forward", "input gradient", "weight gradient"};
  for (const auto& [channels, direct_bounds, winograd_bounds] :
       {Bounds{3, {8e-7, 8e-7, 2e-6}, {3e-6, 2e-5, 4e-6}},
        Bounds{64, {4e-6, 4e-6, 2e-6}, {3e-5, 3e-5, 3e-5}}}) {
    const auto exact = convolution<double>(channels, 64, ConvAlgorithm::direct);
    const auto direct = convolution<float>(channels, 64, ConvAlgorithm::direct);
    const auto winograd = convolution<float>(channels, 64, ConvAlgorithm::winograd);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto name = to_message(directions[k], " of ", channels, " channels");
      check_error("direct, " + name, direct[k], exact[k], direct_bounds[k]);
      check_error("Winograd, " + name, winograd[k], exact[k], winograd_bounds[k]);
    }
  }
}

TEST_CASE("errors of matrix products") {
  for (const auto& [k, bound] : {std::pair<Index, double>{64, 1e-6}, {1024, 6e-6}, {16384, 1e-5}}) {
    check_error(to_message("product over ", k), product<float>(64, 64, k),
                product<double>(64, 64, k), bound);
  }
}

TEST_CASE("errors of recurrent layers") {
  for (const auto& [cell, name] :
       {std::pair{Cell::lstm, "lstm"}, {Cell::gru, "gru"}, {Cell::rnn, "rnn"}}) {
    const auto got = recurrence<float>(cell, 1);
    const auto exact = recurrence<double>(cell, 1);
    check_error(to_message(name, ", y"), got[0], exact[0], 2e-6);
    check_error(to_message(name, ", dx"), got[1], exact[1], 2e-6);
    check_error(to_message(name, ", dw"), got[2], exact[2], 2e-6);
  }
}

TEST_CASE("errors of batch norm's moments") {
  check_statistics("mean 0, deviation 1", 0, 1, 1e-6, 3e-7);
  check_statistics("mean 1e4, deviation 1", 1e4, 1, 2e-7, 2e-6);
  check_statistics("mean 1e4, deviation 0.01", 1e4, 0.01, 6e-8, 3e-7);
}

TEST_CASE("errors of sums") {
  for (const Index count : {1000, 10'000'000}) {
    const auto exact = sum<double>(Variable<double>(numbers<double>({count}, 1, 1, 1)));
    const auto got = sum<float>(Variable<float>(numbers<float>({count}, 1, 1, 1)));
    check_error(to_message("sum of ", count), got.value(), exact.value(), 4e-7);
  }
}

TEST_CASE("errors of Adam") {
  check_error("100 steps", adam_steps<float>(), adam_steps<double>(), 2.5e-6);
}

TEST_CASE("gates hold for extreme inputs, and so do their gradients") {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const double scale : {1e4, 1e30}) {
      CAPTURE(static_cast<int>(cell), scale);
      const auto got = recurrence<float>(cell, scale);
      const auto exact = recurrence<double>(cell, scale);
      CHECK(error_of(got[0], exact[0]) < 1e-5);
      for (const auto& tensor : got) {
        CHECK(all_finite(tensor));
      }
    }
  }
}

TEMPLATE_TEST_CASE("cross-entropy holds for extreme logits, and so do its gradients", "", float,
                   double) {
  using T = TestType;
  const auto most = std::numeric_limits<T>::max() / 4;
  const Variable<T> x(Tensor<T>({3, 3}, {T(1e4), T(-1e4), 0, -most, most, 0, T(-infinity), 1, 0}),
                      true);
  const auto loss = cross_entropy<T>(x, Tensor<Index>({3}, {0, 1, 1}));
  CHECK(static_cast<double>(loss.item()) == Approx(std::log(1 + std::exp(-1.0)) / 3).epsilon(1e-6));
  loss.backward();
  CHECK(all_finite(x.grad()));
}

TEST_CASE("batch norm of a constant channel is finite, forward and back") {
  const Variable<float> x(Tensor<float>::full({64, 5}, 1e4F), true);
  RunningStatistics<float> running{Tensor<float>::zeros({5}), Tensor<float>::ones({5})};
  const auto y = batch_norm<float>(x, {}, {}, running, {.training = true});
  y.backward(numbers<float>({64, 5}, 1));
  CHECK(all_finite(y.value()));
  CHECK(all_finite(x.grad()));
}
