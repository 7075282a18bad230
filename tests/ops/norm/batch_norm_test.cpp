#include "cnnrnn/ops/batch_norm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

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

/// y by the definition, with these statistics; in holds x, and gamma and beta if they are there.
Tensor<double> normalised(const Tensors<double>& in, const Statistics& statistics, double epsilon) {
  auto y = in[0].clone();
  for (Index i = 0; i < y.size(); ++i) {
    const Index c = i % y.dim(-1);
    double& value = y.mutable_data()[i];
    value = (value - statistics.mean(c)) / std::sqrt(statistics.variance(c) + epsilon);
    value = in.size() > 1 ? value * in[1](c) + in[2](c) : value;
  }
  return y;
}

OpCase in_training(const Shape& shape) {
  const Shape channels{shape[-1]};
  return {to_message("training, ", shape),
          {random_tensor<double>(shape, 1), random_tensor<double>(channels, 2),
           random_tensor<double>(channels, 3)},
          [](const auto& v) { return batch_norm(v[0], v[1], v[2], {}, {.epsilon = 0.1}); },
          [](const Tensors<double>& in) { return normalised(in, statistics_of(in[0]), 0.1); },
          {},
          shape.size() > 10000 ? Gradcheck::too_large : Gradcheck::yes};
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

TEST_CASE("batch_norm") {
  const Statistics before{random_tensor<double>({5}, 4), Tensor<double>({5}, {0.5, 1, 2, 0.1, 3})};
  const OpCase evaluation{
      "evaluation",
      {random_tensor<double>({3, 5}, 1), random_tensor<double>({5}, 2),
       random_tensor<double>({5}, 3)},
      [=](const auto& v) {
        using T = typename std::decay_t<decltype(v[0])>::value_type;
        const RunningStatistics<T> running{before.mean.to<T>(), before.variance.to<T>()};
        return batch_norm(v[0], v[1], v[2], running, {.training = false});
      },
      [=](const Tensors<double>& in) { return normalised(in, before, 1e-5); }};
  const OpCase plain{
      "without gamma and beta",
      {random_tensor<double>({3, 4, 5}, 1)},
      [](const auto& v) { return batch_norm(v[0], {}, {}); },
      [](const Tensors<double>& in) { return normalised(in, statistics_of(in[0]), 1e-5); }};
  const auto bad = [](const Shape& x, const Shape& gamma, const Shape& beta) {
    return [=] { batch_norm(ones(x), ones(gamma), ones(beta)); };
  };
  const auto with = [](const RunningStatistics<float>& running, const BatchNormalization& options,
                       const BatchStatistics<float>& batch = {}) {
    return [=] { batch_norm<float>(ones({2, 3}), {}, {}, running, options, batch); };
  };
  const Tensor<float> two({2}), three({3});
  check_op(
      "batch_norm",
      {in_training({2, 1}), in_training({5, 19}), in_training({2, 3, 4}), in_training({2, 3, 2, 9}),
       in_training({7, 31, 29, 70}), plain, evaluation},
      {throws<ShapeError>(bad({3}, {3}, {3}), "batch_norm: expected x (N, ..., C), got (3,)"),
       throws<ShapeError>(bad({2, 3}, {4}, {3}),
                          "batch_norm: expected a weight of shape (3,), got (4,)"),
       throws<ShapeError>(bad({2, 3}, {3}, {3, 1}),
                          "batch_norm: expected a bias of shape (3,), got (3, 1)"),
       throws<ShapeError>(
           bad({1, 3}, {3}, {3}),
           "batch_norm: expected more than one value per channel in training, got (1, 3)"),
       throws<ShapeError>(
           bad({0, 3}, {3}, {3}),
           "batch_norm: expected more than one value per channel in training, got (0, 3)"),
       throws<ValueError>(with({}, {.training = false}),
                          "batch_norm: expected running statistics outside training, got none"),
       throws<ShapeError>(with({two, {}}, {}),
                          "batch_norm: expected a running mean of shape (3,), got (2,)"),
       throws<ShapeError>(with({three, two}, {}),
                          "batch_norm: expected a running variance of shape (3,), got (2,)"),
       throws<ShapeError>(with({}, {}, {two, three}),
                          "batch_norm: expected a batch mean of shape (3,), got (2,)"),
       throws<ShapeError>(with({}, {}, {three, two}),
                          "batch_norm: expected a batch variance of shape (3,), got (2,)"),
       throws<ValueError>(
           with({}, {}, {three, {}}),
           "batch_norm: expected mean and variance of the batch, or neither, got one")});
}

TEST_CASE("evaluation leaves the running statistics alone and takes a batch of one") {
  const RunningStatistics<float> running{Tensor<float>({2}, {1, 2}), Tensor<float>({2}, {4, 9})};
  const auto y = batch_norm<float>(Tensor<float>({1, 2}, {3, 8}), {}, {}, running,
                                   {.training = false, .epsilon = 0});
  require_close(y.value(), Tensor<float>({1, 2}, {1, 2}), 1e-6);
  require_close(running.mean, Tensor<float>({2}, {1, 2}), 0);
  require_close(running.variance, Tensor<float>({2}, {4, 9}), 0);
}
