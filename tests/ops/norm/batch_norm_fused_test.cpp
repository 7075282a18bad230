// Batch norm with what follows it in one op, against the same in ops of its own.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/activate.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

const std::vector<Shape> shapes{{2, 1},       {5, 19},        {64, 32},       {2, 3, 4},
                                {3, 5, 7, 3}, {2, 9, 11, 16}, {2, 3, 2, 130}, {1, 33, 31, 24}};

struct Case {
  Activation activation;
  bool shortcut, training;
};
const std::vector<Case> cases = [] {
  std::vector<Case> all;
  for (const Activation activation : activations) {
    for (const bool shortcut : {false, true}) {
      for (const bool training : {true, false}) {
        all.push_back({activation, shortcut, training});
      }
    }
  }
  return all;
}();

/// x, gamma, beta, residual: x and residual may have other uses too.
template <class T>
std::vector<Variable<T>> leaves(const Shape& shape) {
  std::vector<Variable<T>> result;
  for (const Shape& one : {shape, Shape{shape[-1]}, Shape{shape[-1]}, shape}) {
    result.emplace_back(random_tensor<T>(one, result.size() + 1), true);
  }
  return result;
}

template <class T>
RunningStatistics<T> running(Index channels) {
  return {random_tensor<T>({channels}, 8), Tensor<T>::full({channels}, T(1.5))};
}

template <class T>
Variable<T> fused(const Case& how, const std::vector<Variable<T>>& v,
                  const RunningStatistics<T>& statistics) {
  const BatchNormalization options{.training = how.training, .activation = how.activation};
  return how.shortcut ? batch_norm_add(v[0], v[3], v[1], v[2], statistics, options)
                      : batch_norm(v[0], v[1], v[2], statistics, options);
}

template <class T>
Variable<T> in_steps(const Case& how, const std::vector<Variable<T>>& v,
                     const RunningStatistics<T>& statistics) {
  auto y = batch_norm(v[0], v[1], v[2], statistics, {.training = how.training});
  y = how.shortcut ? y + v[3] : y;
  return activate(y, how.activation);
}

/// y, the running statistics, and the gradients of all leaves.
template <class T, class Op>
std::vector<Tensor<T>> outcome(const Op& op, const Case& how, std::vector<Variable<T>> v) {
  for (auto& leaf : v) {
    leaf.zero_grad();
  }
  const auto statistics = running<T>(v[1].dim(0));
  const auto y = op(how, v, statistics);
  (y * y.detach()).backward(random_tensor<T>(y.shape(), 9));  // a dy that nobody else holds
  std::vector<Tensor<T>> result{y.value(), statistics.mean, statistics.variance};
  for (const auto& leaf : v) {
    result.push_back(leaf.grad());
  }
  return result;
}

template <class T>
void compare(const Case& how, const std::vector<Variable<T>>& v, double tolerance) {
  CAPTURE(static_cast<int>(how.activation), how.shortcut, how.training, v[0].shape());
  const auto expected = outcome(in_steps<T>, how, v);
  const auto got = outcome(fused<T>, how, v);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    require_close(got[i], expected[i], tolerance);
  }
}

}  // namespace

TEST_CASE("batch norm, shortcut and ReLU in one are what they are in steps") {
  for (const Shape& shape : shapes) {
    for (const Case& how : cases) {
      compare(how, leaves<float>(shape), 2e-5);
      compare(how, leaves<double>(shape), 1e-13);
    }
  }
}

TEST_CASE("the shortcut may be the input, or a constant") {
  for (const Case& how : cases) {
    auto v = leaves<double>({3, 5, 7, 3});
    v[3] = v[0];
    compare(how, v, 1e-13);
    v[3] = random_tensor<double>(v[0].shape(), 5);
    compare(how, v, 1e-13);
  }
}

TEST_CASE("gradients are added to those that other uses left") {
  const auto used_twice = [](const auto& op) {
    return [op](const Case& how, const auto& v, const auto& statistics) {
      // The later op goes back first: its gradients are there when the batch norm's come.
      const auto y = op(how, v, statistics);
      return y + v[0] * v[3];
    };
  };
  for (const Case& how : cases) {
    const auto v = leaves<double>({3, 5, 7, 3});
    const auto expected = outcome(used_twice(in_steps<double>), how, v);
    const auto got = outcome(used_twice(fused<double>), how, v);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      require_close(got[i], expected[i], 1e-13);
    }
  }
}

TEST_CASE("batch_norm_add") {
  std::vector<OpCase> all;
  for (const Shape& shape : {Shape{5, 3}, Shape{2, 3, 2, 9}, Shape{7, 31, 29, 70}}) {
    for (const Case& how : cases) {
      auto& c = all.emplace_back(OpCase{
          to_message(shape, ", activation ", static_cast<int>(how.activation),
                     how.shortcut ? ", shortcut" : "", how.training ? ", training" : ""),
          {random_tensor<double>(shape, 1), random_tensor<double>({shape[-1]}, 2),
           random_tensor<double>({shape[-1]}, 3)},
          [=](const auto& v) {
            using T = typename std::decay_t<decltype(v[0])>::value_type;
            return fused<T>(how, v, running<T>(v[1].dim(0)));
          },
          [=](const Tensors<double>& in) {
            return in_steps<double>(how, leaves_of<double>(in), running<double>(in[1].dim(0)));
          },
          {1e-12, 2e-5},
          shape.size() > 10000 ? Gradcheck::too_large : Gradcheck::yes});
      if (how.shortcut) {
        c.inputs.push_back(random_tensor<double>(shape, 4));
      }
    }
  }
  const auto v = leaves<float>({2, 3});
  check_op("batch_norm_add", all,
           {throws<ShapeError>([=] { batch_norm_add<float>(v[0], v[1], v[1], v[2]); },
                               "batch_norm_add: expected a residual of shape (2, 3), got (3,)"),
            throws<ShapeError>([=] { batch_norm_add<float>(v[0], {}, v[1], v[2]); },
                               "batch_norm_add: expected a residual of shape (2, 3), got ()"),
            throws<ValueError>(
                [=] {
                  batch_norm_add<float>(v[0], v[3], v[1], v[2], {},
                                        {.relu = true, .activation = Activation::silu});
                },
                "batch_norm_add: expected relu or another activation, got both")});
}

TEST_CASE("statistics that somebody else found are taken") {
  const auto v = leaves<double>({40, 5});
  RunningStatistics<double> found{Tensor<double>::zeros({5}), Tensor<double>::zeros({5})};
  const auto expected = batch_norm(v[0], v[1], v[2], found, {.momentum = 1});
  BatchStatistics<double> batch{found.mean, found.variance.clone()};
  for (double& value : batch.variance.mutable_span()) {
    value *= 39.0 / 40;
  }
  const auto statistics = running<double>(5);
  const auto y = batch_norm(v[0], v[1], v[2], statistics, {.momentum = 1}, batch);
  require_close(y.value(), expected.value(), 1e-13);
  require_close(statistics.mean, found.mean, 1e-13);
  require_close(statistics.variance, found.variance, 1e-13);
}

TEST_CASE("a NaN passes the ReLU, so that a diverged network is seen") {
  Tensor<float> x({4, 40}, std::vector<float>(160, -1));
  x.mutable_at(1, 2) = std::numeric_limits<float>::quiet_NaN();
  x.mutable_at(1, 39) = std::numeric_limits<float>::quiet_NaN();
  const auto y =
      batch_norm<float>(x, {}, {}, running<float>(40), {.training = false, .relu = true});
  CHECK(std::isnan(y.value()(1, 2)));
  CHECK(std::isnan(y.value()(1, 39)));
}
