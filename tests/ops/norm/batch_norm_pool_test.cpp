#include "cnnrnn/ops/batch_norm_pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/max_pool_moments.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

const std::vector<Shape> shapes{{1, 2, 2, 1},   {2, 3, 2, 5},   {2, 2, 3, 16}, {3, 5, 7, 3},
                                {1, 9, 11, 40}, {2, 6, 4, 131}, {5, 8, 8, 32}};

template <class T>
std::vector<Variable<T>> leaves(const Shape& shape) {
  std::vector<Variable<T>> result;
  for (const Shape& one : {shape, Shape{shape[-1]}, Shape{shape[-1]}}) {
    result.emplace_back(random_tensor<T>(one, result.size() + 1), true);
  }
  return result;
}

template <class T>
RunningStatistics<T> running(Index channels) {
  return {random_tensor<T>({channels}, 8), Tensor<T>::full({channels}, T(1.5))};
}

/// y, the running statistics, and the gradients; x may have another use.
template <class T>
std::vector<Tensor<T>> outcome(bool fused, bool training, bool used_twice,
                               std::vector<Variable<T>> v) {
  for (auto& leaf : v) {
    leaf.zero_grad();
  }
  const auto statistics = running<T>(v[1].dim(0));
  const BatchNormalization options{.training = training, .relu = true};
  auto y = fused ? batch_norm_relu_pool(v[0], v[1], v[2], statistics, options)
                 : max_pool2d(batch_norm(v[0], v[1], v[2], statistics, options));
  y = used_twice ? y + max_pool2d(v[0] * v[0]) : y;
  y.backward(random_tensor<T>(y.shape(), 9));
  return {y.value(), statistics.mean, statistics.variance, v[0].grad(), v[1].grad(), v[2].grad()};
}

template <class T>
void compare(const Shape& shape, double tolerance) {
  for (const bool training : {true, false}) {
    for (const bool used_twice : {true, false}) {
      CAPTURE(shape, training, used_twice);
      const auto v = leaves<T>(shape);
      const auto expected = outcome(false, training, used_twice, v);
      const auto got = outcome(true, training, used_twice, v);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(i);
        require_close(got[i], expected[i], tolerance);
      }
    }
  }
}

}  // namespace

TEST_CASE("batch norm, ReLU and pooling in one are what they are in steps") {
  for (const Shape& shape : shapes) {
    compare<double>(shape, 1e-13);
    compare<float>(shape, 2e-5);
  }
}

TEST_CASE("batch_norm_relu_pool") {
  const auto row = [](const Shape& shape, bool training) -> OpCase {
    return {
        to_message(shape, training ? ", training" : ", evaluation"),
        {random_tensor<double>(shape, 1), random_tensor<double>({shape[-1]}, 2),
         random_tensor<double>({shape[-1]}, 3)},
        [=](const auto& v) {
          using T = typename std::decay_t<decltype(v[0])>::value_type;
          return batch_norm_relu_pool(v[0], v[1], v[2], running<T>(v[1].dim(0)),
                                      {.training = training});
        },
        [=](const Tensors<double>& in) {
          return max_pool2d(batch_norm<double>(in[0], in[1], in[2], running<double>(in[1].dim(0)),
                                               {.training = training, .relu = true}));
        },
        {1e-12, 2e-5},
        shape.size() > 10000 ? Gradcheck::too_large : Gradcheck::yes};
  };
  const auto bad = [](const Shape& shape, const Variable<float>& gamma = {}) {
    return [=] { batch_norm_relu_pool<float>(Tensor<float>::zeros(shape), gamma, {}); };
  };
  check_op(
      "batch_norm_relu_pool",
      {row({2, 5, 4, 3}, true), row({2, 5, 4, 3}, false), row({7, 31, 29, 70}, true)},
      {throws<ShapeError>(bad({2, 3}), "batch_norm_relu_pool: expected x (N, H, W, C), got (2, 3)"),
       throws<ShapeError>(bad({2, 1, 4, 3}),
                          "batch_norm_relu_pool: expected an image of at least the kernel "
                          "2x2, got (2, 1, 4, 3) with padding 0x0"),
       throws<ShapeError>(bad({2, 2, 2, 3}, Tensor<float>::zeros({4})),
                          "batch_norm_relu_pool: expected a weight of shape (3,), got (4,)")});
}

TEST_CASE("of equals the first gets the gradient, and a scale of zero makes all equal") {
  const Variable<float> x(Tensor<float>({1, 2, 2, 1}, {1, 4, 4, 2}), true);
  const Variable<float> one(Tensor<float>::ones({1}), true);
  const RunningStatistics<float> plain{Tensor<float>::zeros({1}), Tensor<float>::ones({1})};
  const BatchNormalization evaluation{.training = false, .epsilon = 0};
  const auto y = batch_norm_relu_pool<float>(x, one, {}, plain, evaluation);
  CHECK(y.item() == 4);
  y.backward();
  require_close(x.grad(), Tensor<float>({1, 2, 2, 1}, {0, 1, 0, 0}), 0);
  const Variable<float> zero(Tensor<float>::zeros({1}), true);
  batch_norm_relu_pool<float>(x, zero, one, plain, evaluation).backward();
  CHECK(zero.grad().item() == 1);
}

TEST_CASE("a NaN passes, so that a diverged network is seen") {
  for (Index at = 0; at < 4; ++at) {
    Tensor<float> x({1, 2, 2, 1}, {-1, 3, -2, 5});
    x.mutable_data()[at] = std::numeric_limits<float>::quiet_NaN();
    const auto y = batch_norm_relu_pool<float>(x, {}, {}, running<float>(1), {.training = false});
    CHECK(std::isnan(y.item()));
  }
}

TEST_CASE("max_pool2d_moments") {
  const Pool2dOptions options{.kernel = 3, .stride = 2};
  const Op pool = [=](const auto& v) { return max_pool2d_moments(v[0], options).y; };
  const Reference plain = [=](const Tensors<double>& in) {
    return max_pool2d<double>(in[0], options);
  };
  check_op(
      "max_pool2d_moments",
      {{"an odd image", {random_tensor<double>({2, 5, 7, 3}, 1)}, pool, plain},
       {"many blocks",
        {random_tensor<double>({9, 19, 17, 40}, 1)},
        pool,
        plain,
        {},
        Gradcheck::too_large}},
      {throws<ShapeError>([=] { max_pool2d_moments<float>(Tensor<float>::ones({3}), options); },
                          "max_pool2d: expected x (N, H, W, C), got (3,)")});
  // The statistics are those that a batch norm finds by itself, recorded or not.
  for (const bool recorded : {true, false}) {
    const Variable<double> x(random_tensor<double>({9, 19, 17, 40}, 1), recorded);
    const auto [y, statistics] = max_pool2d_moments(x, options);
    Tensor<double> mean({40});
    Tensor<double> variance({40});
    kernels::batch_norm_statistics({y.value().size() / 40, 40}, y.value().data(),
                                   mean.mutable_data(), variance.mutable_data());
    require_close(statistics.mean, mean, 1e-14);
    require_close(statistics.variance, variance, 1e-14);
  }
}
